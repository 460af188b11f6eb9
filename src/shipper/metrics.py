"""What there is to measure, in Prometheus's text format (version 0.0.4).

Rule 1: counters are plain integers bumped elsewhere; nothing is computed before it is asked for.
Rule 2: names and labels are an interface: they are those of docs/metrics.md, and one that is gone is a breaking change.
Rule 3: written by hand: prometheus-client costs 54 ms and 16 MiB to import; its parser is the oracle in the tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from shipper.failures import Failure
from shipper.ledger import Account, Histogram, Ledger

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECOND = 1e9
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One source as it is now."""

    source: str
    account: Account
    lag: int
    """Bytes that are there and not settled."""
    oldest: float
    """Age of the oldest line that was read and is not settled, seconds; 0: there is none."""
    files_open: int
    streams: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The agent as it is now."""

    version: str
    readings: tuple[Reading, ...]
    ledger: Ledger
    failures: tuple[Failure, ...]
    deleted_bytes_held: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One line: what stands after the metric's name, its labels, its value."""

    value: float
    labels: Mapping[str, str]
    suffix: str = ""


def render(observed: Observed) -> str:
    """The exposition, ready to be served as CONTENT_TYPE."""
    return "".join(f"{line}\n" for line in _lines(observed))


def _lines(observed: Observed) -> Iterator[str]:
    for name, kind, told, samples in (*_of_sources(observed), *_of_pushes(observed.ledger), *_of_agent(observed)):
        yield f"# HELP shipper_{name} {told}"
        yield f"# TYPE shipper_{name} {kind}"
        for sample in samples:
            labels = ",".join(f'{label}="{value.translate(_ESCAPES)}"' for label, value in sample.labels.items())
            yield f"shipper_{name}{sample.suffix}{f'{{{labels}}}' if labels else ''} {_number(sample.value)}"


def _number(value: float) -> str:
    """An integer as it is, anything else as the shortest text that reads back equal."""
    return str(value) if isinstance(value, int) else repr(value)


Family = tuple[str, str, str, Iterable[Sample]]
"""Name without `shipper_`, kind, help, samples."""

_COUNTS: tuple[tuple[str, str, str], ...] = (
    ("lines_read_total", "read", "Physical lines read."),
    ("lines_delivered_total", "delivered", "Lines that Loki has taken."),
    ("entries_delivered_total", "entries_delivered", "Entries that Loki has taken."),
    ("bytes_read_total", "bytes_read", "Bytes read."),
    ("truncated_unread_bytes_total", "truncated_unread", "Bytes gone before they were read, since the first start."),
    (
        "replay_missing_bytes_total",
        "replay_missing",
        "Bytes read before a crash and gone after it, whether Loki has them or not, since the first start.",
    ),
)
_REASONS: tuple[tuple[str, str, str], ...] = (
    ("lines_dropped_total", "dropped", "Lines dropped by a rule of the configuration."),
    ("lines_dead_lettered_total", "dead_lettered", "Lines kept as dead letters."),
    ("parse_fallbacks_total", "fallbacks", "Lines shipped, but not as the pipeline expected."),
)


def _of_sources(observed: Observed) -> Iterator[Family]:
    readings = observed.readings
    for name, field, told in _COUNTS:
        yield name, "counter", told, [_of(reading, getattr(reading.account, field)) for reading in readings]
    for name, field, told in _REASONS:
        samples = [
            Sample(count, {"source": reading.source, "reason": reason})
            for reading in readings
            for reason, count in sorted(getattr(reading.account, field).items())
        ]
        yield name, "counter", told, samples
    yield (
        "lines_in_flight",
        "gauge",
        "Lines read and not settled.",
        [_of(reading, reading.account.in_flight) for reading in readings],
    )
    yield "lag_bytes", "gauge", "Bytes there and not settled.", [_of(reading, reading.lag) for reading in readings]
    yield (
        "oldest_unsettled_seconds",
        "gauge",
        "Age of the oldest line that was read and is not settled.",
        [_of(reading, reading.oldest) for reading in readings],
    )
    yield (
        "files_open",
        "gauge",
        "Files kept open, or connections to containers.",
        [_of(reading, reading.files_open) for reading in readings],
    )
    yield "streams", "gauge", "Streams that had lines lately.", [_of(reading, reading.streams) for reading in readings]


def _of(reading: Reading, value: float) -> Sample:
    return Sample(value, {"source": reading.source})


def _of_pushes(ledger: Ledger) -> Iterator[Family]:
    requests = [Sample(count, {"status": status}) for status, count in sorted(ledger.push_requests.items())]
    retries = [Sample(count, {"reason": reason}) for reason, count in sorted(ledger.push_retries.items())]
    yield "push_requests_total", "counter", "Pushes by the status of their reply.", requests
    yield "push_duration_seconds", "histogram", "How long pushes took.", _buckets(ledger.push_seconds)
    yield "push_bytes_total", "counter", "Compressed bytes pushed.", [Sample(ledger.push_bytes, {})]
    yield "push_retries_total", "counter", "Pushes that have to be repeated, by reason.", retries
    yield (
        "last_push_success_timestamp_seconds",
        "gauge",
        "When Loki accepted a push last; 0: not yet.",
        [Sample(ledger.last_success / SECOND, {})],
    )


def _buckets(histogram: Histogram) -> Iterator[Sample]:
    for bound, count in zip((*histogram.bounds, float("inf")), accumulate(histogram.counts), strict=True):
        yield Sample(count, {"le": "+Inf" if bound == float("inf") else repr(bound)}, "_bucket")
    yield Sample(histogram.total, {}, "_sum")
    yield Sample(histogram.observed, {}, "_count")


def _of_agent(observed: Observed) -> Iterator[Family]:
    lasting = sorted({(failure.name, failure.source) for failure in observed.failures})
    yield (
        "deleted_bytes_held",
        "gauge",
        "Bytes of deleted files kept open to be read.",
        [Sample(observed.deleted_bytes_held, {})],
    )
    yield (
        "failures",
        "gauge",
        "1 while a failure lasts.",
        [Sample(1, {"name": name, "source": source}) for name, source in lasting],
    )
    yield "build_info", "gauge", "The version that runs.", [Sample(1, {"version": observed.version})]
