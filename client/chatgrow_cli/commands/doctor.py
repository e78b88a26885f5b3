"""Find out what is wrong, and what to do."""

from collections.abc import Iterator

import typer

from chatgrow_cli.commands.options import AsJson
from chatgrow_cli.doctor.account_checks import check_account, check_key
from chatgrow_cli.doctor.finding import Finding, Verdict, unknown, warning
from chatgrow_cli.doctor.health_checks import check_health
from chatgrow_cli.doctor.reaching import Reached, reach
from chatgrow_cli.exit_codes import ExitCode
from chatgrow_cli.output import Output
from chatgrow_cli.session import Session, session_of

_STYLES = {
    Verdict.GOOD: "good",
    Verdict.UNKNOWN: "dim",
    Verdict.WARNING: "warn",
    Verdict.BAD: "bad",
}
_ON_SERVER = unknown(
    "the server's machine",
    "its memory, its kernel, its browser's version and NTP are told by no API",
    "On the server: `supervisorctl status` and the logs; `make live-check` tries it with a phone.",
)


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Say what is wrong, and what to do about it.

    It ends with 0 if nothing is bad, with 3 if the API cannot be reached, with 4 if the key is
    refused, and with 1 for anything else that is bad.
    """
    output, session = Output(as_json), session_of(context)
    login = session.login()
    reached = reach(login.url, session.transport)
    findings: list[Finding] = []
    code = ExitCode.DONE
    for finding, means in _checks(session, reached):
        findings.append(finding)
        _tell(output, finding)
        if finding.verdict is Verdict.BAD and code is ExitCode.DONE:
            code = means
    bad = [each for each in findings if each.verdict is Verdict.BAD]
    if as_json:
        output.document({"ok": not bad, "checks": [each.to_json() for each in findings]})
    output.say(_sum(findings), "bad" if bad else "good")
    raise typer.Exit(code)


def _checks(session: Session, reached: Reached) -> Iterator[tuple[Finding, ExitCode]]:
    """Yield each finding, and the exit code that it means if it is bad."""
    if session.logins.is_open_to_others():
        todo = f"chmod 600 {session.logins.path}"
        told = f"{session.logins.path} can be read by others"
        yield warning("the login's file", told, todo), ExitCode.REFUSED
    for finding in reached.findings:
        yield finding, ExitCode.NOT_REACHED if reached.health is None else ExitCode.REFUSED
    if reached.health is None:
        return
    with session.client() as client:
        yield (key := check_key(client)), ExitCode.NOT_ALLOWED
        for finding in check_health(reached.health):
            yield finding, ExitCode.REFUSED
        if key.verdict is not Verdict.BAD:
            for finding in check_account(client, reached.health):
                yield finding, ExitCode.REFUSED
    yield _ON_SERVER, ExitCode.REFUSED


def _tell(output: Output, finding: Finding) -> None:
    told = f"{finding.verdict.value:5} {finding.what}: {finding.told}"
    output.say(told, _STYLES[finding.verdict])
    if finding.todo:
        output.say(f"      -> {finding.todo}")


def _sum(findings: list[Finding]) -> str:
    counts = {each: sum(finding.verdict is each for finding in findings) for each in Verdict}
    if not counts[Verdict.BAD] and not counts[Verdict.WARNING]:
        return "All is well, as far as it can be seen from here."
    return f"{counts[Verdict.BAD]} bad, {counts[Verdict.WARNING]} to look at."
