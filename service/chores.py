"""What is done now and then, by one process of all that work on a database."""

from sqlalchemy import Connection, Engine, select, update

from service.database import reading, written
from service.queries import insert_into
from service.tables import chores

AHEAD = 2  # times a round: clocks of machines that differ by less are believed


def take_turn(engine: Engine, name: str, now_s: int, every_s: int) -> bool:
    """Whether the chore is due and this process is to do it: then nobody else is.

    Args:
        engine: the database.
        name: of the chore.
        now_s: seconds since 1970.
        every_s: how long until it is due again. What is due much later than that was
            set by a clock that was ahead, and is due.

    Raises:
        StoreFailure: the database does not answer.
    """
    with reading(engine) as connection:  # most often it is not, and nothing is written
        due = connection.execute(
            select(chores.c.due).where(chores.c.name == name)
        ).scalar()
    if due is not None and now_s < due <= now_s + AHEAD * every_s:
        return False

    def take(connection: Connection) -> bool:
        if due is None:
            begun = insert_into(connection, chores).on_conflict_do_nothing()
            mine = begun.values(name=name, due=now_s + every_s)
        else:
            seen = update(chores).where(chores.c.name == name, chores.c.due == due)
            mine = seen.values(due=now_s + every_s)
        return connection.execute(mine.returning(chores.c.name)).first() is not None

    return written(engine, take)
