"""Options that save a browser's memory or time, and what is known about them on the real page.

The simulated page works with all of them. The real page may not: it measures itself, plays media
and installs a service worker. So by default only those are on with which others are known to run
the real page. `BROWSER_SAVINGS` switches each on or off, and `make live-check` measures them.

The switches that hide the automation from the page and keep it from bypassing a proxy are not in
this list: they save nothing and are always on (see `options.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

Savings = frozenset["Saving"]


class Saving(StrEnum):
    """The names of the options in `BROWSER_SAVINGS`."""

    NO_SERVICE_WORKER = "no_service_worker"
    SMALL_WINDOW = "small_window"
    NO_GPU = "no_gpu"
    NO_SITE_ISOLATION = "no_site_isolation"
    NO_SOFTWARE_GL = "no_software_gl"
    GPU_IN_PROCESS = "gpu_in_process"
    NETWORK_IN_PROCESS = "network_in_process"
    ONE_RENDERER = "one_renderer"
    NO_SPARE_RENDERER = "no_spare_renderer"
    NO_ZYGOTE = "no_zygote"
    HIDDEN_PAGE = "hidden_page"
    COLLECT_GARBAGE = "collect_garbage"


@dataclass(frozen=True)
class Facts:
    """What an option does, what it saves on the simulated page, and who runs the real page with it.

    `saves` is a session's own memory (anonymous pages): 87 MB without any option, 82 MB with the
    proven ones, 45 MB with all; each was measured by leaving it out, and by using it alone.

    Without a `source`, an option is unproven on the real page, and off by default.
    """

    does: str
    saves: str
    source: str | None = None
    switches: tuple[str, ...] = ()
    enabled_feature: str | None = None
    disabled_feature: str | None = None


KNOWN: Mapping[Saving, Facts] = MappingProxyType(
    {
        Saving.NO_SERVICE_WORKER: Facts(
            "the page's service worker is not registered; the page takes its ways without one",
            "2 to 3 MB",
            "wppconnect, `unregisterServiceWorker` in `src/controllers/browser.ts`, for each page",
        ),
        Saving.SMALL_WINDOW: Facts(
            "a window of 800 × 600 instead of 1280 × 720",
            "2 MB",
            "puppeteer's own default window, which wppconnect leaves as it is",
        ),
        Saving.NO_GPU: Facts(
            "no graphics card is looked for",
            "nothing that could be measured without a graphics card",
            "wppconnect, `chromiumArgs` in `src/config/puppeteer.config.ts`; open-wa the same",
            switches=("--disable-gpu",),
        ),
        Saving.NO_SITE_ISOLATION: Facts(
            "frames of other sites share the page's process; WhatsApp's page has none",
            "nothing that could be measured on a page of one site",
            "wppconnect, `chromiumArgs` in `src/config/puppeteer.config.ts`; open-wa the same",
            switches=("--disable-site-isolation-trials",),
        ),
        Saving.NO_SOFTWARE_GL: Facts(
            "no WebGL computed in software, which without a graphics card is all there is",
            "8 to 10 MB",
            switches=("--disable-software-rasterizer",),
        ),
        Saving.GPU_IN_PROCESS: Facts(
            "drawing runs in the browser's process, not in one of its own",
            "9 MB with the others",
            switches=("--in-process-gpu",),
        ),
        Saving.NETWORK_IN_PROCESS: Facts(
            "the network runs in the browser's process, not in one of its own",
            "9 to 10 MB",
            enabled_feature="NetworkServiceInProcess2",
        ),
        Saving.ONE_RENDERER: Facts(
            "at most one process for pages",
            "nothing that could be measured with one page",
            switches=("--renderer-process-limit=1",),
        ),
        Saving.NO_SPARE_RENDERER: Facts(
            "no process is kept ready for a next page",
            "nothing that could be measured with one page",
            disabled_feature="SpareRendererForSitePerProcess",
        ),
        Saving.NO_ZYGOTE: Facts(
            "no process that others are forked from; within the sandbox one instead of two",
            "9 MB with the others",
        ),
        Saving.HIDDEN_PAGE: Facts(
            "the page is hidden by `content-visibility`, so that nothing is laid out or drawn",
            "2 MB, and a fifth of the browser's time for a message",
        ),
        Saving.COLLECT_GARBAGE: Facts(
            "an idle page is made to collect its garbage after loading, and now and again",
            "4 to 7 MB",
        ),
    }
)

ALL: Savings = frozenset(Saving)
NONE: Savings = frozenset()
PROVEN: Savings = frozenset(name for name, facts in KNOWN.items() if facts.source is not None)
"""The default: options with which others are known to run the real page."""

_SETS: Mapping[str, Savings] = MappingProxyType({"all": ALL, "none": NONE, "proven": PROVEN})


def read_savings(text: str) -> Savings:
    """Read `proven`, `all`, `none`, or names separated by commas; raise ValueError."""
    chosen: Savings = NONE
    for word in filter(None, (part.strip() for part in text.split(","))):
        if word in _SETS:
            chosen |= _SETS[word]
        elif word in set(Saving):
            chosen |= {Saving(word)}
        else:
            raise ValueError(f"{word!r} is none of {', '.join((*_SETS, *Saving))}")
    return chosen


def switches_of(savings: Savings, *, sandbox: bool) -> list[str]:
    """Return the switches of these options for Chromium's command line.

    Chromium reads only the last `--enable-features` and `--disable-features`, so ours replace
    Playwright's.
    """
    chosen = [KNOWN[each] for each in Saving if each in savings]
    switches = [switch for each in chosen for switch in each.switches]
    if Saving.NO_ZYGOTE in savings:
        # With the sandbox, Chromium needs one of its two zygote processes.
        switches.append("--no-unsandboxed-zygote" if sandbox else "--no-zygote")
    switches += _features("--enable-features", (each.enabled_feature for each in chosen))
    switches += _features("--disable-features", (each.disabled_feature for each in chosen))
    return switches


def _features(switch: str, names: Iterable[str | None]) -> list[str]:
    listed = ",".join(filter(None, names))
    return [f"{switch}={listed}"] if listed else []
