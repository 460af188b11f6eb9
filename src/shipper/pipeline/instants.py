"""What a written time means: from a field's value to nanoseconds since 1970, exactly.

Rule 1: exact to the nanosecond; digits beyond the ninth are cut off.
Rule 2: a time without a zone is in the source's zone; in an hour that a clock change repeats, the first one is meant.
Rule 3: a time without a year is the latest that is not more than a day after the span's clock, or after the last change
        of its file if that is earlier: a backlog of last year stays there.
Rule 4: a time before 2000, or more than a day after the span's clock, is no time. Nothing raises.
Rule 5: what is cached never changes the result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final, cast
from zoneinfo import ZoneInfo

import orjson

from shipper.pipeline.strptime import MONTHS, compile_strptime

SECOND: Final = 1_000_000_000
DAY: Final = 86_400
EARLIEST: Final = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * SECOND
AHEAD: Final = DAY * SECOND
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_EPOCH: Final = datetime(1970, 1, 1)  # local times are counted from it, without a zone
_LAST_SECOND: Final = (date(9999, 12, 30).toordinal() - _EPOCH_DAY) * DAY
_CACHED: Final = 8192
_POWERS: Final[list[int]] = [10 ** (9 - digits) for digits in range(10)]
_MONTHS: Final = {name[:3]: number for number, name in enumerate(MONTHS, 1)}

_ZONE: Final = r"(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?"
_CLOCK: Final = r"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
_ISO: Final = re.compile(rf"(?P<year>\d{{4}})([-/])(?P<month>\d\d)\2(?P<day>\d\d)[T _] ?{_CLOCK} ?{_ZONE}", re.I | re.A)
_BASIC: Final = re.compile(
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)T(?P<hour>\d\d)(?P<minute>\d\d)"
    rf"(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?{_ZONE}",
    re.I | re.A,
)
_YEARLESS: Final = re.compile(rf"(?P<month>\d\d)-(?P<day>\d\d) {_CLOCK}", re.A)
_ACCESS: Final = re.compile(rf"(?P<day>\d\d)/(?P<name>[a-z]{{3}})/(?P<year>\d{{4}}):{_CLOCK} ?{_ZONE}", re.I | re.A)
_SYSLOG: Final = re.compile(rf"(?P<name>[a-z]{{3}}) {{1,2}}(?P<day>\d\d?) (?:(?P<year>\d{{4}}) )?{_CLOCK}", re.I | re.A)
_DIGITS: Final = (_ISO, _YEARLESS, _ACCESS, _BASIC)
_NUMBER: Final = re.compile(r"(\d{1,30})(?:\.(\d{1,30}))?", re.A)
_COLUMN: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,](\d{1,9})(Z|[+-]\d\d:\d\d)?", re.A)
_SCALES: Final = {"unix": SECOND, "unix_ms": 1_000_000, "unix_us": 1_000, "unix_ns": 1}

Reader = Callable[[str, int], int | None]
"""A text and the span's clock (ns) to nanoseconds; None: not a time in this format."""


class Instants:
    """Reads the values of one timestamp field."""

    def __init__(self, formats: Sequence[str], timezone: str) -> None:
        self._zone = Zone(timezone)
        self._readers = [self._reader(name) for name in formats]
        self._numbers = [_SCALES.get(name, 0) for name in formats if name == "auto" or name in _SCALES]
        self.columnar = "auto" in formats[:1] or "rfc3339" in formats[:1]
        """Whether `column` knows a short way."""
        self._columns: dict[str, _Seconds] = {}
        self._clock = 0
        self._known: dict[str, int | None] = {}

    def read(self, value: object, clock: int, latest: int | None = None) -> int | None:
        """The time that a field's value means, ns; None if it means none. `latest` decides a missing year."""
        if isinstance(value, str):
            time = self._by_second(value) if self.columnar else None
            if time is None:
                return self._text(value, clock, clock if latest is None else latest)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            time = next((time for scale in self._numbers if (time := scaled(value, scale)) is not None), None)
        else:
            return None
        return time if time is not None and EARLIEST <= time <= clock + AHEAD else None

    def _by_second(self, text: str) -> int | None:
        """The commonest way to write a time, its seconds looked up."""
        match = _COLUMN.fullmatch(text)
        if match is None:
            return None
        digits, zone = match.groups()
        try:
            base = self._seconds(zone or "")[text[:20]]
        except _Unreadable:
            return None
        return base + int(f"1{digits}") * _POWERS[len(digits)]

    def _text(self, text: str, clock: int, year_from: int) -> int | None:
        """The first format that reads it; what one chunk has read is kept, as its lines often share their second."""
        if clock != self._clock or len(self._known) >= _CACHED:
            self._clock = clock
            self._known.clear()
        if text in self._known:
            return self._known[text]
        stripped = text.strip()
        times = (reader(stripped, year_from) for reader in self._readers)
        latest = clock + AHEAD
        time = next((time for time in times if time is not None and EARLIEST <= time <= latest), None)
        self._known[text] = time
        return time

    def _seconds(self, zone: str) -> _Seconds:
        seconds = self._columns.get(zone)
        if seconds is None:
            seconds = self._columns[zone] = _Seconds(self._zone, zone)
        return seconds

    def column(self, texts: list[str | None], clock: int, latest: int | None = None) -> list[int | None] | None:
        """The times of many values, None for missing ones; None as a whole if one of them cannot be read."""
        times: list[int | None] | None = self._uniform(texts, clock) if self.columnar else None
        if times is not None:
            return times
        times = [self.read(text, clock, latest) if text else None for text in texts]
        return None if any(time is None and text for time, text in zip(times, texts, strict=True)) else times

    def _uniform(self, texts: list[str | None], clock: int) -> list[int | None] | None:
        """Times that are all written alike, `2026-01-27T15:46:41.479516Z`: 0.2 µs each, by columns."""
        sample = _COLUMN.fullmatch(texts[0]) if texts and texts[0] else None
        if sample is None or None in texts:
            return None
        column = cast("list[str]", texts)
        length, end, zone = sample.end(), sample.end(1), sample[2] or ""
        whole = "".join(column)  # texts of one length: each place of all of them is one stride
        if set(map(len, column)) != {length} or not whole.isascii():
            return None
        if not all(whole[place::length].isdigit() for place in range(20, end)):
            return None
        if any(whole[end + place :: length] != zone[place] * len(column) for place in range(len(zone))):
            return None
        try:
            bases = list(map(self._seconds(zone).__getitem__, [text[:20] for text in column]))
        except _Unreadable:
            return None
        scale = _POWERS[end - 20]
        # One JSON list of all fractions is read in 15 ns each, int() takes 50; the leading 1 keeps zeros legal.
        fractions = orjson.loads("[1" + ",1".join([text[20:end] for text in column]) + "]")
        times = [base + fraction * scale for base, fraction in zip(bases, fractions, strict=True)]
        return cast("list[int | None]", times) if max(times) <= clock + AHEAD else None

    def _reader(self, name: str) -> Reader:
        if name == "auto":
            return self._auto
        if name == "rfc3339":
            return lambda text, clock: self._zone.instant(_ISO.fullmatch(text), clock)
        if name in _SCALES:
            return lambda text, clock: number_in(text, _SCALES[name])
        return compile_strptime(name, self._zone)

    def _auto(self, text: str, clock: int) -> int | None:
        head = text[:1]
        if not head.isdigit():
            return self._zone.instant(_SYSLOG.fullmatch(text), clock)
        for pattern in _DIGITS:
            if (match := pattern.fullmatch(text)) is not None:
                return self._zone.instant(match, clock)
        return number_in(text, 0)


class _Unreadable(Exception):
    pass


class _Seconds(dict[str, int]):
    """From `2026-01-27T15:46:41.` to ns less one second: the digits after it come with a 1 in front.

    What cannot be read, or is too early, raises.
    """

    def __init__(self, zone: Zone, suffix: str) -> None:
        super().__init__()
        self._zone = zone
        self._suffix = suffix

    def __missing__(self, text: str) -> int:
        match = _ISO.fullmatch(text[:19] + self._suffix) if text[19] in ".," else None
        time = self._zone.instant(match, 0)
        if time is None or time < EARLIEST:
            raise _Unreadable(text)
        if len(self) >= _CACHED:
            self.clear()
        self[text] = time - SECOND
        return time - SECOND


class Zone:
    """Local time in the source's zone."""

    def __init__(self, name: str) -> None:
        self._info = None if name.upper() in ("UTC", "ETC/UTC", "Z") else ZoneInfo(name)
        self._minutes: dict[int, int] = {}
        self._parts: dict[tuple[str | None, ...], int | None] = {}

    def instant(self, match: re.Match[str] | None, clock: int) -> int | None:
        """The time that the named parts of a match say, ns; None if there is none."""
        if match is None:
            return None
        parts = match.groupdict()
        fraction = parts.pop("fraction", None)
        key = tuple(parts.values())
        seconds = self._parts.get(key)
        if seconds is None or "year" not in parts or parts["year"] is None:
            seconds = self._seconds_of(parts, clock)
            if len(self._parts) >= _CACHED:
                self._parts.clear()
            self._parts[key] = seconds
        if seconds is None:
            return None
        return seconds * SECOND + (int(fraction[:9].ljust(9, "0")) if fraction else 0)

    def _seconds_of(self, parts: dict[str, str | None], clock: int) -> int | None:
        month = int(parts["month"] or 0) if "month" in parts else _MONTHS.get((parts["name"] or "").lower(), 0)
        time = seconds_of_day(int(parts["hour"] or 0), int(parts["minute"] or 0), int(parts["second"] or 0))
        day = int(parts["day"] or 0)
        if time is None:
            return None
        year = parts.get("year")
        if year is not None:
            return self.seconds(int(year), month, day, time, parts.get("zone"))
        return self.nearest(month, day, time, clock, parts.get("zone"))

    def seconds(self, year: int, month: int, day: int, time: int, zone: str | None = None) -> int | None:
        """Seconds since 1970 of a date and a second of its day; None if there is no such date."""
        try:
            naive = (date(year, month, day).toordinal() - _EPOCH_DAY) * DAY + time
        except ValueError:
            return None
        if zone is None:
            return self._from_local(naive)
        offset = offset_of(zone)
        return None if offset is None else naive - offset

    def nearest(self, month: int, day: int, time: int, clock: int, zone: str | None = None) -> int | None:
        """The latest such time that is not more than a day after the clock (ns); 29 February may be years ago."""
        limit = clock // SECOND + DAY
        year = (_EPOCH + timedelta(seconds=clock // SECOND)).year
        for candidate in range(year + 1, year - 9, -1):
            seconds = self.seconds(candidate, month, day, time, zone)
            if seconds is not None and seconds <= limit:
                return seconds
        return None

    def _from_local(self, naive: int) -> int | None:
        if self._info is None:
            return naive
        if not 0 <= naive <= _LAST_SECOND:
            return None
        minute, second = divmod(naive, 60)
        base = self._minutes.get(minute)
        if base is None:
            offset = (_EPOCH + timedelta(minutes=minute)).replace(tzinfo=self._info).utcoffset() or timedelta()
            base = minute * 60 - int(offset.total_seconds())
            if len(self._minutes) >= _CACHED:
                self._minutes.clear()
            self._minutes[minute] = base
        return base + second


def seconds_of_day(hour: int, minute: int, second: int) -> int | None:
    """The second of the day; a leap second is the first of the next minute."""
    if hour > 23 or minute > 59 or second > 60:
        return None
    return hour * 3600 + minute * 60 + second


def offset_of(zone: str) -> int | None:
    """Seconds east of UTC that `Z`, `UTC`, `+09`, `+0900` or `+09:00` mean."""
    if zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:4] or 0)
    if hours > 23 or minutes > 59:
        return None
    return (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)


def number_in(text: str, scale: int) -> int | None:
    """The time that a number in digits means; `scale`: ns of its unit, 0: by its size."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return scaled_text(text, scale)
    whole, fraction = int(match[1]), match[2]
    unit = scale or unit_of(whole)
    return whole * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)


def scaled(value: int | float, scale: int) -> int | None:
    """The time that a number means, exactly as it is written in JSON."""
    if isinstance(value, int):
        return value * (scale or unit_of(value))
    return number_in(repr(value), scale)


def scaled_text(text: str, scale: int) -> int | None:
    """The time that a number with an exponent means, `1.7695288e+18`."""
    if not re.fullmatch(r"\d{1,20}(\.\d{1,20})?[eE]\+?\d\d?", text, re.ASCII):
        return None
    value = Decimal(text)
    return int(value * (scale or unit_of(int(value))))


def unit_of(value: int) -> int:
    """ns of the unit that an epoch number of this size counts: seconds to the year 5138, ms to 5138, and so on."""
    if value < 10**11:
        return SECOND
    if value < 10**14:
        return 1_000_000
    return 1_000 if value < 10**17 else 1
