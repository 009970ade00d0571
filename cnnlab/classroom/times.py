"""Times in file names and timestamp files, read by one rule and never guessed."""

import re
from datetime import UTC, datetime, timedelta, timezone

FORMS = re.compile(
    r"(?P<year>\d{4})(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
    r"(?:[T_ -]?)(?P<hour>\d\d)(?P<colon>[:.-]?)(?P<minute>\d\d)"
    r"(?:(?P=colon)(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,6}))?)?"
    r"(?: ?(?P<zone>Z|UTC|GMT|[+-]\d\d:\d\d|[+]\d{4}))?",
    re.ASCII,
)
YEARS = range(2000, 2100)


def parse_time(text):
    """Reads a point in time.

    Args:
        text: Year, month, day, hour, minute and perhaps second, in this order, with
            hyphens, dots, colons, underscores, one `T` or nothing between them, such as
            `2026-11-20-18-30-24`, `20261120T183024Z` or `2026-11-20 18:30:24.5 UTC`;
            without a zone it is UTC.

    Returns:
        A `datetime` in UTC, without a zone.

    Raises:
        ValueError: If it is anything else, a day without an hour included.
    """
    found = FORMS.fullmatch(text.strip())
    try:
        if found is None or int(found["year"]) not in YEARS:
            raise ValueError("no known form")
        names = ("year", "month", "day", "hour", "minute", "second")
        fraction = (found["fraction"] or "").ljust(6, "0")
        parts = [int(found[name] or 0) for name in names]
        moment = datetime(*parts, microsecond=int(fraction))
        return _in_utc(moment, found["zone"])
    except (ValueError, OverflowError) as error:
        raise ValueError(
            "A time is written like 2026-11-20-18-30-24. "
            f"Received: {text[:60]!r} ({error})"
        ) from None


def _in_utc(moment, zone):
    if zone in (None, "Z", "UTC", "GMT"):
        return moment
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if minutes > 59:
        raise ValueError("a zone has 59 minutes at most")
    offset = timedelta(hours=hours, minutes=minutes)
    offset = -offset if zone[0] == "-" else offset
    aware = moment.replace(tzinfo=timezone(offset))
    return aware.astimezone(UTC).replace(tzinfo=None)
