"""URLs of databases: which can be used, and how they may be printed."""

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from forecaster.errors import ConfigError
from service import postgresql


def checked(url: str) -> URL:
    """Return what a URL says.

    Raises:
        ConfigError: no database that can be used is named so.
    """
    parsed = _parsed(url)
    is_file = parsed is not None and parsed.drivername == "sqlite" and parsed.database
    if parsed is None or not (is_file or parsed.drivername in postgresql.SCHEMES):
        raise ConfigError(
            "database: expected sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME, "
            f"got {_shown(url)}; for instance sqlite:///state/forecaster.db"
        )
    return parsed if is_file else parsed.set(drivername=postgresql.SCHEMES[0])


def _parsed(url: str) -> URL | None:
    """Return what a URL says, or nothing if it is none, or names a server for a file."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        return None
    server = parsed.host or parsed.username or parsed.password or parsed.port
    return None if parsed.drivername == "sqlite" and server else parsed


def _shown(url: str) -> str:
    """Return a refused URL as it may be printed: with no password in it.

    >>> _shown("mysql://user:SECRET@h/db"), _shown("odd://user:SEC@RET@h:x")
    ('mysql://user:***@h/db', 'odd://…')
    """
    parsed = _parsed(url)
    if parsed is None or url.count("@") > 1:  # then its parts are not sure
        scheme, mark, _ = url.partition("://")
        return f"{scheme}://…" if mark and "@" not in scheme else "no URL"
    return parsed.set(query={}).render_as_string(hide_password=True)


def nothing_there(url: URL) -> ConfigError:
    """Return the refusal of a database that no service has used."""
    return ConfigError(
        "database: expected one that a service has used, got "
        f"{_shown(url.render_as_string())}, where there is none; give another one with "
        "--database ('forecaster serve' begins a new one)"
    )
