"""Show how a phone is being linked: the QR code with its countdown, lines, or JSON."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from chatgrow_cli import words
from chatgrow_cli.linking import Sight
from chatgrow_cli.output import Output

_SCAN = "On the phone: WhatsApp, Settings, Linked devices, Link a device; scan this code."
_TYPE = "On the phone: WhatsApp, Settings, Linked devices, Link a device, Link with phone number."
_TOO_NARROW = "The window is too narrow for the QR code: it needs {} columns, or use --phone."
_INK = "bright_white on black"
"""The light parts of the code are drawn, so it needs a dark ground, whatever the terminal has."""
_MORE_LINES = 4


def show(output: Output, sights: Iterable[Sight]) -> None:
    """Show all sights, up to the one that is connected."""
    if output.as_json:
        _show_json(output, sights)
    elif output.is_terminal:
        _show_live(output.console, sights)
    else:
        _show_lines(output, sights)


def _show_json(output: Output, sights: Iterable[Sight]) -> None:
    for sight in _changes(sights):
        status = sight.status
        code = {("code" if sight.drawing else "pairingCode"): sight.code or None}
        output.line(
            {
                "connectionId": status.connection_id,
                "state": status.state,
                "reason": status.reason,
                "actsNext": status.acts_next,
                "phoneNumber": status.phone_number,
                **code,
                "expiresAt": sight.expires_at,
            }
        )


def _show_lines(output: Output, sights: Iterable[Sight]) -> None:
    for sight in _changes(sights):
        if sight.drawing:
            output.console.print(Text(sight.drawing), soft_wrap=True)
        for line in _lines(sight):
            output.say(line)


def _show_live(console: Console, sights: Iterable[Sight]) -> None:
    screen = _Screen(console)
    with Live(console=console, get_renderable=screen.render, transient=True):
        for sight in sights:
            screen.show(sight)


class _Screen:
    """One picture that is drawn again and again, so that its countdown goes on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._sight: Sight | None = None

    def show(self, sight: Sight) -> None:
        """Show this from now on; a code for which the window is too low is printed once."""
        is_new = self._sight is None or self._sight.code != sight.code
        self._sight = sight
        if sight.drawing and is_new and self._is_too_low(sight.drawing):
            self._console.print(self._drawn(sight.drawing))

    def render(self) -> Group:
        """Return the picture as it is at this moment."""
        sight = self._sight
        if sight is None:
            return Group(Text("Asking the API …"))
        fits = sight.drawing and not self._is_too_low(sight.drawing)
        drawing = [self._drawn(sight.drawing)] if fits else []
        return Group(*drawing, *(Text(line) for line in _lines(sight)))

    def _is_too_low(self, drawing: str) -> bool:
        return len(drawing.splitlines()) + _MORE_LINES > self._console.height

    def _drawn(self, drawing: str) -> Text:
        columns = max(map(len, drawing.splitlines()))
        if columns > self._console.width:
            return Text(_TOO_NARROW.format(columns), style="yellow")
        return Text(drawing, style=_INK, no_wrap=True)


def _lines(sight: Sight) -> list[str]:
    if not sight.code:
        return [f"{words.state(sight.status.state).capitalize()}. {words.why(sight.status)}"]
    left = f"{sight.left.total_seconds():.0f} s left; a new one comes by itself."
    if sight.drawing:
        return [_SCAN, left]
    return [_TYPE, f"Type this code: {sight.code}", left]


def _changes(sights: Iterable[Sight]) -> Iterable[Sight]:
    """Leave out sights that show the same as the one before."""
    before = None
    for sight in sights:
        now = (sight.status.state, sight.status.reason, sight.code)
        if now != before:
            yield sight
        before = now
