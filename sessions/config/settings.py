"""The settings that all programs share; each program reads them once, in its `__main__`."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sessions.common.disk_space import FULL_BELOW, LOW_BELOW, DiskWatch
from sessions.common.errors import ConfigurationError
from sessions.common.retention import KEPT_FOR

EXIT_FAILED = 1
"""Exit code after an unexpected error: starting again may help."""
EXIT_CONFIGURATION = 78
"""Exit code for a configuration that cannot work (EX_CONFIG of sysexits): do not start again."""
EXIT_UNAVAILABLE = 69
"""Exit code if a server that we need did not answer (EX_UNAVAILABLE): starting again may help."""


_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_TIME = re.compile(rf"([0-9]{{1,12}}(?:\.[0-9]+)?)\s*({'|'.join(_UNITS)})?")
_LONGEST = timedelta(days=36_500)
"""A longer time would lead out of the calendar."""


def _read_time(value: object) -> object:
    """Read `90` as seconds, and `45s`, `30m`, `12h`, `7d`; ISO 8601 is left to pydantic."""
    if not isinstance(value, str) or value.startswith("P"):
        return value
    found = _TIME.fullmatch(value.strip())
    if found is None:
        raise ValueError("a time is seconds (90), has a unit (45s, 30m, 12h, 7d) or is ISO (PT15M)")
    return float(found[1]) * _UNITS[found[2] or "s"]


def _check_time(value: timedelta) -> timedelta:
    if not timedelta(0) < value <= _LONGEST:
        raise ValueError("a time must be greater than 0, and at most 100 years")
    return value


def _bytes(value: object) -> object:
    """Read `10m`, `500k`, `1g` or plain bytes."""
    if not isinstance(value, str):
        return value
    found = _SIZE.fullmatch(value.strip().lower())
    if found is None:
        raise ValueError("a size is a whole number of bytes, or has a unit (500k, 10m, 1g)")
    return int(found[1]) * 1024 ** " kmg".index(found[2] or " ")


def comma_separated(value: object) -> object:
    """Read a comma-separated list, without its empty items."""
    if not isinstance(value, str):
        return value
    return [item.strip() for item in value.split(",") if item.strip()]


def _hosts(value: object) -> object:
    """Read host names without ports."""
    items = comma_separated(value)
    return tuple(map(_host, items)) if isinstance(items, list) else items


def _host(text: str) -> str:
    if text == "*":
        raise ValueError("name each host: * would let every page in the world in")
    if not _HOST.fullmatch(text):
        raise ValueError(f"{text!r} is not the name of a host: no scheme, port or path")
    return text.lower()


_HOST = re.compile(r"\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


_SIZE = re.compile(r"(\d+)\s*(?:([kmg])b?)?")
Size = Annotated[int, BeforeValidator(_bytes)]
Span = Annotated[timedelta, BeforeValidator(_read_time), AfterValidator(_check_time)]
Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts)]
LogLevel = Literal["error", "warn", "info", "debug"]

_RETENTION_AT_LEAST = KEPT_FOR + timedelta(days=1)
"""One day more than the keys: MongoDB may remove an expired key late."""


class SharedSettings(BaseSettings):
    """What every process of the project needs to know."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    app_env: Literal["development", "production", "test"] = Field(
        "development", validation_alias=AliasChoices("APP_ENV", "NODE_ENV")
    )
    """`production` requires all secrets and logs JSON; `development` creates missing secrets."""
    data_dir: Path = Path("var")
    """The folder for all data on disk, in which relative paths of other settings begin."""
    mongodb_uri: SecretStr | None = None
    """Your MongoDB with its database. Without it, an embedded one runs in the data directory."""
    redis_url: SecretStr | None = None
    """Your Redis. Without it, an embedded one runs in the data directory."""
    embedded_servers: Literal["auto", "attach"] = "auto"
    """`auto` starts embedded servers; `attach` waits for those that supervisord starts."""
    embedded_servers_in_production: bool = False
    """Whether production may use embedded servers: one machine, no replica set, no passwords."""
    disk_low_below: Size = Field(LOW_BELOW, ge=0)
    """The free space on the disk of the data below which `/health` says `disk_low`."""
    disk_full_below: Size = Field(FULL_BELOW, ge=0)
    """The free space below which `/health` says `disk_full`: pages are closed, and none is opened
    until there is room again. Messages wait."""
    startup_timeout: Span = timedelta(seconds=60)
    """How long to wait for MongoDB and Redis at the start, before ending with exit code 69."""
    message_retention: Span = timedelta(days=90)
    """How long finished messages are kept: at least 3 days, longer than any `Idempotency-Key`."""
    received_retention: Span = timedelta(days=90)
    """How long received messages are kept, from when they were recorded: at least 3 days."""
    not_on_whatsapp_for: Span = timedelta(minutes=10)
    """How long to remember that a number is not on WhatsApp; messages to it fail at once."""
    queued_messages_per_owner: int = Field(100_000, ge=1)
    """How many messages of one owner may wait, over all their connections. There is no limit for
    the first administrator, who also owns everything that the first API key creates."""
    events_kept_for: Span = timedelta(hours=1)
    """How long events are kept in Redis for clients that reconnect with `Last-Event-ID`, at most
    10,000 events. They contain phone numbers and QR codes."""
    webhook_allowed_hosts: Hosts = ()
    """Hosts inside your own network, by name or IPv4 address, comma-separated, that webhooks may
    reach, also by plain HTTP; `.internal` means all names below it. Others have to be on the
    internet, and have to use HTTPS."""
    webhook_retention: Span = timedelta(days=30)
    """How long the deliveries of webhooks are kept; they contain what webhooks were told."""
    log_level: LogLevel = "info"
    """`error`, `warn`, `info` or `debug`: the least severe level that is logged."""
    log_dir: Path = Field(Path("logs"), validate_default=True)
    """The folder for log files in production, one for each process; begins in `DATA_DIR`."""
    log_file_max_size: Size = Field(10 * 1024 * 1024, ge=1)
    """The size at which a new log file begins (`10m`, `500k`, `1g`, or bytes), as on a new day."""
    log_file_max_files: int = Field(5, ge=1)
    """How many log files of a process are kept, including the current one."""
    metrics_token: SecretStr | None = Field(None, min_length=16)
    """The bearer token for `/metrics`. Without it, `/metrics` is open in development and closed in
    production."""
    metrics_names: bool = False
    """Whether the label `connection` of metrics is `owner/name`, not the connection's internal
    id."""
    allowed_hosts: Hosts = ()
    """Further host names of the API and of the workers' `/metrics`, comma-separated, such as the
    service's name in Docker Compose: `api`, `whatsapp.internal`, or `.internal` for all hosts below
    it. The host of `PUBLIC_URL`, `localhost`, all IP addresses and, for a worker, the name of its
    machine are always allowed; other names get a 421."""
    database_url: SecretStr | None = None
    """The PostgreSQL whose subscribers `python -m business import-subscribers` reads (the extra
    `postgres`); nothing else uses it."""

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("message_retention")
    @classmethod
    def _outlives_keys(cls, value: timedelta) -> timedelta:
        # A known key whose message is already removed would create that message again.
        if value < _RETENTION_AT_LEAST:
            raise ValueError("at least 3 days: an Idempotency-Key is known for 48 hours after that")
        return value

    @field_validator("received_retention")
    @classmethod
    def _outlives_sweeps(cls, value: timedelta) -> timedelta:
        # A sweep reads hours again, and would record what was removed meanwhile once more.
        if value < _RETENTION_AT_LEAST:
            raise ValueError("at least 3 days: WhatsApp Web shows the last messages again")
        return value

    @field_validator("log_dir")
    @classmethod
    def _from_data_dir(cls, value: Path, info: ValidationInfo) -> Path:
        return Path(info.data.get("data_dir", "")) / value.expanduser()

    @model_validator(mode="after")
    def _no_placeholders(self) -> Self:
        if self.app_env != "development":
            for name, value in self._servers().items():
                if value is not None and is_placeholder(value.get_secret_value()):
                    raise ValueError(f"{name} is an example's placeholder, not an address")
        return self

    @property
    def mongo_address(self) -> str | None:
        """The address of MongoDB; None means the embedded one.

        Raises ConfigurationError in production, if none is set and embedded ones are not accepted.
        """
        return self._address("MONGODB_URI")

    @property
    def redis_address(self) -> str | None:
        """The address of Redis; None means the embedded one. Raises ConfigurationError likewise."""
        return self._address("REDIS_URL")

    def _address(self, name: str) -> str | None:
        value = self._servers()[name]
        address = value.get_secret_value() if value else None
        if address is not None and not is_placeholder(address):
            return address
        if self.app_env == "production" and not self.embedded_servers_in_production:
            raise ConfigurationError(NOT_IN_PRODUCTION.format(name))
        return None

    def _servers(self) -> dict[str, SecretStr | None]:
        return {"MONGODB_URI": self.mongodb_uri, "REDIS_URL": self.redis_url}

    def disk_of(self, folder: Path) -> DiskWatch:
        """Return what judges the disk of a folder."""
        return DiskWatch(folder, self.disk_low_below, self.disk_full_below)

    @property
    def worker(self) -> str | None:
        """The name of this worker; None for a program that is not a worker."""
        return None

    @property
    def log_name(self) -> str | None:
        """The name of this process's log file; None means the program's name."""
        return None


class EncryptionSettings(SharedSettings):
    """The settings of a program that encrypts saved logins, passwords of proxies or texts."""

    session_encryption_keys: SecretStr | None = None
    """Keys that encrypt saved logins, the passwords of proxies, the secrets of webhooks and, with
    `SEAL_TEXTS`, texts; comma-separated, each `ID:BASE64` of 32 bytes: the first key encrypts, all
    keys decrypt. Without it, a key file is made in the data directory; but in production workers do
    not start, and the API accepts no password of a proxy and no webhook."""
    seal_texts: bool = False
    """Whether the texts of new messages are encrypted in MongoDB, with the same keys. Set it for
    the API and the workers. Texts of both kinds can always be read."""

    @field_validator("seal_texts")
    @classmethod
    def _has_keys(cls, value: bool, info: ValidationInfo) -> bool:
        # Named at the start, before servers are waited for. Elsewhere a key file is made.
        production = info.data.get("app_env") == "production"
        if value and production and info.data.get("session_encryption_keys") is None:
            raise ValueError("needs SESSION_ENCRYPTION_KEYS")
        return value


class MediaSettings(EncryptionSettings):
    """The settings of a program that stores files."""

    media_max_size: Size = Field(64 * 1024 * 1024, ge=1, le=2 * 1024**3)
    """The largest file that is sent or stored (`64m`, `500k`, or bytes)."""
    media_quota: Size = Field(5 * 1024**3, ge=1)
    """How many bytes the files of one owner may have together, encrypted. There is no limit for the
    first administrator, who also owns everything that the first API key creates."""
    media_convert: bool = False
    """Whether sound and films that WhatsApp would not play are converted before they are sent: a
    voice message into Ogg/Opus, a video into H.264 with AAC. Set it for the API and all workers,
    which need `ffmpeg`."""
    media_unused_retention: Span = timedelta(days=7)
    """How long a file is kept that was uploaded and that no message uses."""
    media_retention: Span = timedelta(days=30)
    """How long a file is kept after a message has used it or brought it; a file that a waiting
    message needs is kept longer."""


NOT_IN_PRODUCTION = (
    "{} is not set. In production no embedded server takes its place, unless you accept that with "
    "EMBEDDED_SERVERS_IN_PRODUCTION=true"
)
"""Why a program does not start; format it with the name of the setting."""


def is_placeholder(address: str) -> bool:
    """Tell whether an address is `redis://...`, as example files have it."""
    return address.endswith("://...")
