"""Whether the service may listen where it is told to."""

from forecaster.errors import ConfigError
from forecaster.settings import Server, is_exposed
from service.database import open_database
from service.keys import every


def check_exposure(server: Server) -> None:
    """Refuse to be reached from other machines unless there is a key to ask for.

    Raises:
        ConfigError: other machines could reach the service and no key works, or the
            database cannot be used.
        StoreFailure: the database cannot be read now.
    """
    if not is_exposed(server):
        return
    engine = open_database(server.database, connections=1)
    try:
        keys = every(engine)
    finally:
        engine.dispose()
    if all(key.revoked_at is not None for key in keys):
        raise ConfigError(
            f"host {server.host!r} can be reached from other machines, and the database "
            "has no API key that works. Make one with 'forecaster keys create', listen "
            "on 127.0.0.1, or say --insecure (FORECASTER_INSECURE=1) if only trusted "
            "machines can reach it"
        )
