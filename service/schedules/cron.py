"""Times by a cron expression, as Debian's cron has them.

A job of a fixed time runs once on each day, also where clocks are changed: what falls
into the hour that is left out runs right behind it, what falls into the hour that comes
twice runs in the first. One whose minute or hour begins with a star runs whenever its
fields match what clocks on the wall show: ``0 * * * *`` 23 and 25 times on such days.
Where clocks change by half an hour (Lord Howe Island) such a job may miss that half hour.
"""

import difflib
import re
import zoneinfo
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from service.errors import Unacceptable

ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
LONGEST = 200
FIELDS = "minute hour day-of-month month day-of-week"
# Which time that is differs from one worker to the next.
OF_THE_MACHINE = {"Factory", "localtime"}
_BAD = re.compile("Bad ([a-z-]+)")


def read_cron(expression: str) -> str:
    """Return an expression as its five fields.

    >>> read_cron("@daily"), read_cron(" 30  2 * * mon-fri")
    ('0 0 * * *', '30 2 * * mon-fri')
    >>> read_cron("30 24 * * *")
    Traceback (most recent call last):
    service.errors.Unacceptable: the field hour cannot be used; expected ...

    Raises:
        Unacceptable: a field is wrong, or no time ever fits.
    """
    fields = ALIASES.get(expression.strip().lower(), expression).split()
    if len(fields) != len(FIELDS.split()) or len(expression) > LONGEST:
        raise _refused(
            f"expected five fields, {len(fields)} came"
            if len(expression) <= LONGEST
            else f"expected at most {LONGEST} characters"
        )
    plain = " ".join(fields)
    try:
        next(times(plain, ZoneInfo("UTC"), 0))
    except CronSimError as error:
        named = _BAD.match(str(error))
        field = f"the field {named[1]}" if named else "it"
        raise _refused(f"{field} cannot be used") from None
    except StopIteration:
        raise _refused("no time within 50 years fits its fields") from None
    return plain


def read_zone(name: str) -> ZoneInfo:
    """Return a time zone of the IANA database.

    >>> read_zone("Europe/Berlin").key
    'Europe/Berlin'

    Raises:
        Unacceptable: there is none of that name.
    """
    known = zoneinfo.available_timezones() - OF_THE_MACHINE
    if name not in known:
        near = difflib.get_close_matches(name[:64], known, 1)
        meant = f"; is {near[0]} meant?" if near else ", such as Europe/Berlin or UTC"
        raise Unacceptable(
            f"expected a time zone of the IANA database{meant}", "timezone"
        )
    return ZoneInfo(name)


def times(fields: str, zone: ZoneInfo, after: int) -> Iterator[int]:
    """Give the times behind ``after``, in order, until there is none in 50 years.

    Args:
        fields: five, as `read_cron` returns them.
        zone: where the clock hangs.
        after: seconds since 1970.

    >>> list(zip(range(2), times("0 0 29 2 *", ZoneInfo("UTC"), 0)))
    [(0, 68169600), (1, 194400000)]
    """
    newest = after
    for due in (found := CronSim(fields, datetime.fromtimestamp(after, zone))):
        moment = int(due.timestamp())
        shown = datetime.fromtimestamp(moment, zone)
        # Where clocks leave midnight out, a day is found to begin with it all the same.
        is_shown = shown.replace(tzinfo=None) == due.replace(tzinfo=None)
        # Begun in the hour that comes twice, it begins with that of the first time.
        if moment > newest and (is_shown or _fits(found, shown)):
            newest = moment
            yield moment


def _fits(found: CronSim, shown: datetime) -> bool:
    return (
        shown.month in found.months
        and found.match_day(shown)
        and shown.hour in found.hours
        and shown.minute in found.minutes
    )


def _refused(why: str) -> Unacceptable:
    return Unacceptable(
        f"{why}; expected '{FIELDS}', such as '30 2 * * *', or one of "
        f"{', '.join(ALIASES)}",
        "cron",
    )
