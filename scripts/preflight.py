"""Say what in the settings cannot work, and what looks wrong, before any part is started.

`scripts/run.sh` runs it. It ends with 0, or with 78 if one of the parts could not run.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pydantic import ValidationError

from chatgrow_worker.settings import WorkerSettings
from chatgrow_worker.wiring import browser_options, key_ring
from control_api.credentials.signing import signing_secret
from control_api.settings import ApiSettings
from sessions.common.errors import ConfigurationError
from sessions.config.env_file import UNREADABLE, quiet_dotenv, why_unreadable
from sessions.config.settings import EXIT_CONFIGURATION
from sessions.embedded import MONGO, REDIS, MissingPartError
from sessions.embedded.launch import check_library, find_binary
from sessions.logs.setup import configure_logging
from sessions.program import advise, explain

NAME = "run"


def main() -> int:
    """Check all parts; return the exit code."""
    quiet_dotenv()
    try:
        api, worker = ApiSettings(), WorkerSettings()
        configure_logging(api, NAME)
        advise(api, worker)
        _check_api(api)
        _check_worker(worker)
        _check_servers(api)
    except ValidationError as error:
        explain(NAME, error)
        return EXIT_CONFIGURATION
    except UNREADABLE as error:
        return _refuse(why_unreadable(error))
    except (ConfigurationError, MissingPartError) as error:
        return _refuse(str(error))
    return 0


def _refuse(why: str) -> int:
    print(f"{NAME}: {why}", file=sys.stderr)
    return EXIT_CONFIGURATION


def _check_api(settings: ApiSettings) -> None:
    if settings.app_env != "development":
        signing_secret(settings)


def _check_worker(settings: WorkerSettings) -> None:
    browser_options(settings)
    key_ring(settings)


def _check_servers(settings: ApiSettings) -> None:
    needed = ((settings.mongo_address, MONGO), (settings.redis_address, REDIS))
    for kind in (kind for given, kind in needed if given is None):
        find_binary(kind)
        check_library(kind)


if __name__ == "__main__":
    sys.exit(main())
