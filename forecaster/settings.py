"""Settings: a flag, else FORECASTER_…, else forecaster.toml, else the default.

Every field of the groups below is one setting. ``port``, for instance, is given as
``--port 9000``, as ``FORECASTER_PORT=9000`` or as ``port = 9000`` in the file
forecaster.toml of the folder the command runs in. Each value remembers which of the
four it came from.
"""

import dataclasses
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from forecaster.errors import ConfigError

FILE = Path("forecaster.toml")
WORDS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def _setting(default: object, meaning: str, low: int = 0, high: int = 2**53) -> Any:
    # Any, so that the type checker believes the annotation of the field.
    return field(
        default=default, metadata={"meaning": meaning, "low": low, "high": high}
    )


@dataclass(frozen=True, slots=True)
class Server:
    """Where the service listens and what it works on."""

    host: str = _setting("127.0.0.1", "address to listen on")
    port: int = _setting(8080, "port to listen on; 0 takes a free one", high=65535)
    workers: int = _setting(1, "processes that answer requests", low=1, high=256)
    threads: int = _setting(
        32, "requests that each of them works on at a time", low=1, high=1024
    )
    models_dir: Path = _setting(Path("models"), "folder of the models")  # noqa: RUF009 - a Path never changes
    database: str = _setting(
        "sqlite:///state/forecaster.db", "where observations and states are kept"
    )
    insecure: bool = _setting(
        False, "listen beyond this machine although there is no API key"
    )
    require_key: bool = _setting(
        False, "ask for an API key on this machine's own addresses too"
    )
    with_worker: bool = _setting(False, "run a worker of jobs beside the service")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request, and one client, may ask for at most."""

    max_body_bytes: int = _setting(16 * 2**20, "bytes of a request's body", low=1)
    max_series: int = _setting(10_000, "series in one request", low=1)
    max_points: int = _setting(200_000, "points in one request", low=1)
    max_horizon: int = _setting(1_000, "steps of one forecast", low=1)
    max_gap: int = _setting(10_000, "absent steps that a series may skip at once")
    max_queue: int = _setting(
        20_000, "series that may wait in one process before 429", low=1
    )
    deadline_s: int = _setting(
        30, "seconds until a request that waits is given up with 503", low=1
    )
    client_timeout_s: int = _setting(
        30,
        "seconds a client may take to send a request, or to take its answer; one more "
        "for each 64 KiB of it",
        low=1,
    )
    max_connections: int = _setting(
        1_000,
        "connections to one process; beyond that the one that waits longest is closed",
        low=1,
    )
    rate_limit: int = _setting(
        0, "requests a minute of one API key, or of one address without; 0: no limit"
    )


@dataclass(frozen=True, slots=True)
class Retention:
    """How much of each series is kept; 0 is all, and the shorter of the two holds."""

    keep_points: int = _setting(
        0, "newest steps of each series whose values are kept; 0: all"
    )
    keep_days: int = _setting(
        0, "days up to the newest of each series whose values are kept; 0: all"
    )


@dataclass(frozen=True, slots=True)
class Jobs:
    """What a worker lets a job take, and how many are kept."""

    job_time_s: int = _setting(
        21_600, "seconds that a job may take before it fails; 0: no limit"
    )
    job_memory_mb: int = _setting(
        8_192, "MiB of memory that a job may take before it fails; 0: no limit"
    )
    job_niceness: int = _setting(
        15, "how far a job stands back for whatever else computes here", high=19
    )
    job_lease_s: int = _setting(
        120,
        "seconds after which the job of a worker that was killed is taken up again",
        low=3,
        high=3_600,
    )
    max_pending_jobs: int = _setting(100, "jobs that may wait before 429", low=1)
    keep_jobs: int = _setting(1_000, "jobs that have ended which are kept", low=1)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings in force, and where each came from.

    >>> settings = load(flags={"port": 9000}, environ={}, file=Path("absent.toml"))
    >>> settings.server.port, settings.sources["port"], settings.sources["host"]
    (9000, 'flag --port', 'default')
    """

    server: Server
    limits: Limits
    retention: Retention
    jobs: Jobs
    sources: Mapping[str, str]

    def value(self, name: str) -> object:
        """Return one setting by its name."""
        groups = (self.server, self.limits, self.retention, self.jobs)
        return next(getattr(group, name) for group in groups if hasattr(group, name))

    def shown(self, name: str) -> object:
        """Return one setting as it may be printed: a password becomes ``***``."""
        value = self.value(name)
        if isinstance(value, int):
            return value
        text = re.sub(r"(//[^:/@]*:).*@", r"\1***@", str(value))  # up to the last @
        return re.sub(r"([?&]password=)[^&]*", r"\1***", text)


GROUPS: tuple[Any, ...] = (Server, Limits, Retention, Jobs)
FIELDS: dict[str, dataclasses.Field[Any]] = {
    f.name: f for group in GROUPS for f in dataclasses.fields(group)
}


def load(
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
    file: Path = FILE,
) -> Settings:
    """Return the settings in force.

    Args:
        flags: what the command line gave, by name; None means not given.
        environ: the environment; an empty variable means not given.
        file: the configuration file, which may be absent.

    Raises:
        ConfigError: a value cannot be used, or the file has a name nobody knows.
    """
    layers = [
        {name: (value, f"flag {flag_name(name)}") for name, value in _given(flags)},
        {
            name: (_typed(name, environ[variable]), variable)
            for name in FIELDS
            if environ.get(variable := environment_name(name))
        },
        {name: (value, file.name) for name, value in _read(file).items()},
        {name: (f.default, "default") for name, f in FIELDS.items()},
    ]
    found = {name: next(a[name] for a in layers if name in a) for name in FIELDS}
    values = {name: _checked(name, *found[name]) for name in FIELDS}
    sources = {name: source for name, (_, source) in found.items()}
    made = {
        group: group(**{f.name: values[f.name] for f in dataclasses.fields(group)})
        for group in GROUPS
    }
    return Settings(made[Server], made[Limits], made[Retention], made[Jobs], sources)


def flag_name(name: str) -> str:
    """Return the command line's spelling of a setting.

    >>> flag_name("models_dir")
    '--models-dir'
    """
    return "--" + name.replace("_", "-")


def environment_name(name: str) -> str:
    """Return the environment's spelling of a setting.

    >>> environment_name("models_dir")
    'FORECASTER_MODELS_DIR'
    """
    return "FORECASTER_" + name.upper()


def is_exposed(server: Server) -> bool:
    """Whether other machines can reach the service, and nobody said that this is safe.

    >>> is_exposed(Server(host="127.0.0.1")), is_exposed(Server(host="0.0.0.0"))
    (False, True)
    >>> is_exposed(Server(host="0.0.0.0", insecure=True))
    False
    """
    return not (server.insecure or is_loopback(server.host))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address.

    >>> is_loopback("localhost"), is_loopback("[::1]"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _given(flags: Mapping[str, object] | None) -> list[tuple[str, object]]:
    return [(name, value) for name, value in (flags or {}).items() if value is not None]


def _read(file: Path) -> dict[str, object]:
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read as TOML: {error}") from error
    unknown = sorted(set(written) - set(FIELDS))
    if unknown:
        raise ConfigError(
            f"{file}: no setting is called {unknown[0]!r}; "
            f"there are: {', '.join(sorted(FIELDS))}"
        )
    return written


def _typed(name: str, text: str) -> object:
    """Turn the text of an environment variable into the type of its setting."""
    kind = FIELDS[name].type
    if kind is bool:
        return WORDS.get(text.strip().lower(), text)
    if kind is int and re.fullmatch(r"\s*[+-]?\d{1,18}\s*", text):
        return int(text)
    return text


def _checked(name: str, value: object, source: str) -> Any:
    """Return the value if it is of the setting's type and within its bounds."""
    kind, bounds = FIELDS[name].type, FIELDS[name].metadata
    if kind is bool:
        good, wanted = isinstance(value, bool), "true or false"
    elif kind is int:
        low, high = bounds["low"], bounds["high"]
        whole = isinstance(value, int) and not isinstance(value, bool)
        good = whole and low <= value <= high
        wanted = f"a whole number from {low} to {high}"
    else:
        good, wanted = isinstance(value, str | Path) and str(value) != "", "a text"
    if not good:
        raise ConfigError(f"{source}: {name} must be {wanted}, got {value!r}")
    return Path(str(value)) if kind is Path else value
