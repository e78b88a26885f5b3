"""Which programs the stack consists of, and with which settings."""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sessions.embedded import ServerKind
from tests.ports import LOOPBACK
from tests.stack.options import Options
from tests.stack.program import Program
from tests.stack.saved import Saved

_ROOT = Path(__file__).parents[2]
_WORKER_STOPS_WITHIN = timedelta(seconds=60)
_STOPS_WITHIN = timedelta(seconds=15)


@dataclass(frozen=True)
class Plan:
    """The stack's folder, its addresses and its programs."""

    folder: Path
    saved: Saved
    options: Options

    @property
    def api(self) -> str:
        """The control API's address."""
        return f"http://{LOOPBACK}:{self.saved.api_port}"

    @property
    def simulator(self) -> str:
        """The simulated WhatsApp Web's address."""
        return f"http://{LOOPBACK}:{self.saved.simulator_port}"

    @property
    def whatsapp_web(self) -> str:
        """The address of the page that the worker opens."""
        return self.options.whatsapp_web or self.simulator

    def embedded(self, kind: ServerKind) -> Program:
        """Return the program of an embedded server."""
        module = ("sessions.embedded", kind.name, "--data", str(self.folder), "--always")
        return self._program(kind.name, module, {}, kind.stop_within)

    def simulated_whatsapp_web(self) -> Program:
        """Return the program of the simulated WhatsApp Web."""
        port = str(self.saved.simulator_port)
        data = str(self.folder / "simulator")
        module = ("tests.whatsapp_web", "--port", port, "--data", data)
        return self._program("simulator", module, {}, _STOPS_WITHIN)

    def control_api(self, servers: dict[str, str]) -> Program:
        """Return the control API's program."""
        return self._program("api", ("control_api",), self._settings(servers), _STOPS_WITHIN)

    def worker(self, number: int, servers: dict[str, str]) -> Program:
        """Return the program of one worker; it finds its own browser profiles when restarted."""
        name = f"worker-{number}"
        settings = {
            **self._settings(servers),
            "WORKER_ID": name,
            "WHATSAPP_SESSION_PATH": str(self.folder / "sessions" / name),
        }
        return self._program(name, ("chatgrow_worker",), settings, _WORKER_STOPS_WITHIN)

    def _settings(self, servers: dict[str, str]) -> dict[str, str]:
        return {
            **servers,
            "DATA_DIR": str(self.folder),
            "HOST": LOOPBACK,
            "PORT": str(self.saved.api_port),
            "WHATSAPP_WEB_URL": self.whatsapp_web,
            "INITIAL_API_KEY": self.saved.api_key,
            "LOG_LEVEL": "info",
            # The simulated page runs with all of them and is small: tests are faster.
            "BROWSER_SAVINGS": "all",
            "START_CONCURRENCY": "8",
            # Beside what each program says on its standard error, which is in `logs`.
            "LOG_DIR": str(self.folder / "log-files"),
            **({"CHROMIUM_NO_SANDBOX": "true"} if os.geteuid() == 0 else {}),
        }

    def _program(
        self, name: str, module: tuple[str, ...], settings: dict[str, str], stop_within: timedelta
    ) -> Program:
        return Program(
            name=name,
            module=module,
            environment={
                **os.environ,
                "PYTHONPATH": str(_ROOT),
                "PYTHONUNBUFFERED": "1",
                **settings,
                **self.options.environment,
            },
            # Not the project's folder: a developer's `.env` there is not the stack's.
            folder=self.folder,
            log=self.folder / "logs" / f"{name}.log",
            stop_within=stop_within,
        )
