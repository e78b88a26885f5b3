"""Run one embedded server: `python -m sessions.embedded mongo|redis [--data DIR]`."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

from dotenv import dotenv_values

from sessions.common.disk_space import FULL_BELOW
from sessions.config.env_file import ENV_FILE, UNREADABLE, quiet_dotenv, why_unreadable
from sessions.config.settings import EXIT_CONFIGURATION, NOT_IN_PRODUCTION, is_placeholder
from sessions.embedded.kinds import KINDS, EmbeddedServerError, MissingPartError, ServerKind
from sessions.embedded.launch import StoppedError, become_server
from sessions.embedded.layout import Layout
from sessions.process.parent_death import die_with_parent
from sessions.process.supervisor import own_supervisor

_YES = {"1", "t", "true", "y", "yes", "on"}
"""The values that pydantic, and so the programs' settings, read as true."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Become the server, or print one line that says why not and return an exit code."""
    quiet_dotenv()
    try:
        environment = _environment()
    except UNREADABLE as error:
        return _fail(f"sessions.embedded: {why_unreadable(error)}", EXIT_CONFIGURATION)
    options = _parse(arguments, environment)
    kind = KINDS[options.server]
    given = environment.get(kind.setting)
    if given and not is_placeholder(given) and not options.always:
        print(f"{kind.setting} is set: no embedded {kind.name} is started.", flush=True)
        return int(options.nothing_to_do)
    if not (options.always or _may_be_embedded(environment)):
        return _fail(NOT_IN_PRODUCTION.format(kind.setting), EXIT_CONFIGURATION)
    if options.die_with_parent is not None and not die_with_parent(options.die_with_parent):
        return 0
    try:
        become_server(kind, options.data, options.room)
    except StoppedError:
        return 0
    except EmbeddedServerError as error:
        return _refuse(kind, options.data, str(error), error.exit_code)
    except OSError as error:
        reason = f"The embedded {kind.name} cannot start: {error}."
        return _refuse(kind, options.data, reason, MissingPartError.exit_code)


def _refuse(kind: ServerKind, data_dir: Path, reason: str, exit_code: int) -> int:
    """Tell the operator why the server cannot start, and the programs that wait for it."""
    with suppress(OSError):
        Layout.of(data_dir, kind).note_refusal(own_supervisor(), reason)
    return _fail(reason, exit_code)


def _fail(text: str, exit_code: int) -> int:
    print(text, file=sys.stderr, flush=True)
    return exit_code


def _environment() -> Mapping[str, str]:
    """Return the variables of `.env` and, over them, the environment's; empty ones do not count.

    As for the programs, a name may be written in any case.
    """
    given = chain(dotenv_values(ENV_FILE).items(), os.environ.items())
    return {name.upper(): value for name, value in given if value}


def _may_be_embedded(environment: Mapping[str, str]) -> bool:
    """Tell whether embedded servers may run: not in production, unless a setting accepts them."""
    purpose = environment.get("APP_ENV") or environment.get("NODE_ENV")
    accepted = environment.get("EMBEDDED_SERVERS_IN_PRODUCTION", "")
    return purpose != "production" or accepted.lower() in _YES


def _parse(arguments: Sequence[str] | None, environment: Mapping[str, str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sessions.embedded", description=__doc__)
    parser.add_argument("server", choices=sorted(KINDS))
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(environment.get("DATA_DIR", "var")).expanduser(),
        help="the data directory (default: DATA_DIR, else ./var)",
    )
    parser.add_argument(
        "--room",
        type=int,
        default=FULL_BELOW,
        metavar="BYTES",
        help="the free disk space below which it waits for room (default: %(default)s)",
    )
    parser.add_argument(
        "--always",
        action="store_true",
        help="start it even when MONGODB_URI or REDIS_URL names another server",
    )
    parser.add_argument(
        "--nothing-to-do",
        type=int,
        default=0,
        metavar="CODE",
        help="the exit code if no server is needed, for a supervisor that restarts after a 0",
    )
    parser.add_argument(
        "--die-with-parent",
        type=int,
        metavar="PID",
        help="end when the parent process, whose id this is, ends",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
