"""What was written against what is there: sets of lines, never counts alone.

Rule 1: entries are taken apart into physical lines; which lines were joined to one entry does not matter.
Rule 2: a log query hides some copies, so `count_over_time` is compared beside it.
Rule 3: only what the file system itself threw away may be missing, and its bytes are exactly the agent's own count.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields

from benchmarks.torture.logs import Log
from benchmarks.torture.loki import Entry

Number = tuple[str, int]
"""Log and number of a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What Loki must have."""

    logs: Sequence[Log]
    labels: Mapping[str, Mapping[str, str]]
    """Labels of all entries of a log, besides those of the single line."""
    refused: frozenset[Number] = frozenset()
    """Lines that Loki must not have: they are dead letters."""
    free_labels: frozenset[str] = frozenset()
    """Labels that may have any value, or be missing."""
    in_force: Sequence[Mapping[str, str]] = ({},)
    """Further labels of an entry, as one of the configurations gave them that were in force."""
    ordered: bool = True
    """Whether the lines' own times rise with their numbers."""


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What is wrong; all zero: nothing is."""

    written: int = 0
    stored: int = 0
    missing: int = 0
    duplicated: int = 0
    corrupted: int = 0
    """Lines whose number can be read, and whose text is another."""
    invented: int = 0
    """Lines that nobody wrote."""
    fragments: int = 0
    """Parts of lines."""
    out_of_order: int = 0
    mislabelled: int = 0
    letters: int = 0
    """Lines that are dead letters and should not be, or are none and should be."""
    unread: int = 0
    """Bytes the agent says the file system threw away."""
    unexplained: int = 0
    """By how many bytes that is not what is missing."""
    remarks: list[str] = field(default_factory=list)
    """What else is wrong, and a few examples."""

    @property
    def proven(self) -> bool:
        """Whether nothing is wrong."""
        wrong = (getattr(self, each.name) for each in fields(self) if each.name not in _NO_FAULTS)
        return not any(wrong)


_NO_FAULTS = frozenset({"written", "stored", "unread"})


@dataclass(slots=True)
class _Found:
    """The lines of one log as Loki has them."""

    texts: Counter[str] = field(default_factory=Counter)
    times: list[tuple[int, str]] = field(default_factory=list)
    labels: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)


def judge(expected: Expected, entries: Iterable[Entry], counted: int, unread: int) -> Verdict:
    """The verdict; `counted` is `count_over_time` of the same entries, `unread` the agent's `truncated_unread`."""
    verdict = Verdict(unread=unread)
    found, strangers, total = _by_log(expected.logs, entries)
    for text in strangers:
        verdict.invented += 1
        _remark(verdict, f"invented: {text[:80]!r}")
    excused = sum(_judge_log(verdict, expected, log, found[log.name]) for log in expected.logs)
    if counted != total:
        verdict.duplicated += abs(counted - total)
        _remark(verdict, f"count_over_time is {counted}, a log query finds {total}")
    verdict.unexplained = abs(excused - unread)
    if verdict.unexplained:
        _remark(verdict, f"{excused} bytes are missing, the agent counted {unread} as truncated_unread")
    return verdict


def _by_log(logs: Sequence[Log], entries: Iterable[Entry]) -> tuple[Mapping[str, _Found], list[str], int]:
    """Lines by the log that their text names, lines that name none, and how many entries there were."""
    found: defaultdict[str, _Found] = defaultdict(_Found)
    strangers: list[str] = []
    total = 0
    for entry in sorted(entries, key=lambda entry: entry.timestamp):
        total += 1
        for text in entry.text.split("\n"):
            name = next((log.name for log in logs if log.lines.number_of(log.name, text) is not None), None)
            if name is None:
                strangers.append(text)
                continue
            found[name].texts[text] += 1
            found[name].times.append((entry.timestamp, text))
            found[name].labels.append((text, entry.labels))
    return found, strangers, total


def _judge_log(verdict: Verdict, expected: Expected, log: Log, found: _Found) -> int:
    """Add what is wrong with one log; return the bytes that are missing because the file system threw them away."""
    numbers = {number: log.lines.stored(log.name, number) for number in range(log.count)}
    wanted = Counter(text for number, text in numbers.items() if (log.name, number) not in expected.refused)
    verdict.written += log.count
    verdict.stored += found.texts.total()
    excused = _judge_missing(verdict, log, numbers, wanted - found.texts)
    excused -= _judge_surplus(verdict, log, numbers, found.texts - wanted)
    if expected.ordered:
        for text in _out_of_order(log, found.times):
            verdict.out_of_order += 1
            _remark(verdict, f"out of order: {text[:80]!r}")
    for text, labels in found.labels:
        if not _labelled(expected, log, text, labels):
            verdict.mislabelled += 1
            _remark(verdict, f"wrong labels {dict(labels)}: {text[:80]!r}")
    return excused


def _judge_missing(verdict: Verdict, log: Log, numbers: Mapping[int, str], missing: Counter[str]) -> int:
    excused = 0
    at_risk = Counter(numbers[number] for number in log.at_risk)
    for text, count in missing.items():
        lost = min(count, at_risk[text])
        number = log.lines.number_of(log.name, text)
        if lost and number is not None:
            excused += lost * (len(log.lines.written(log.name, number)) + 1)
        if count > lost:
            verdict.missing += count - lost
            _remark(verdict, f"missing: {text[:80]!r}")
    return excused


def _judge_surplus(verdict: Verdict, log: Log, numbers: Mapping[int, str], surplus: Counter[str]) -> int:
    """Lines beyond what was written; returns the bytes of those that are the rest of a line the file system cut."""
    kept = 0
    for text, count in surplus.items():
        number = log.lines.number_of(log.name, text)
        whole = numbers.get(-1 if number is None else number)
        if whole is None:
            verdict.invented += count
            kind = "invented"
        elif text == whole:
            verdict.duplicated += count
            kind = "duplicated"
        elif whole.startswith(text) and number in log.at_risk:
            kept += len(text.encode()) * count
            continue
        elif text in whole:
            verdict.fragments += count
            kind = "fragment"
        else:
            verdict.corrupted += count
            kind = "corrupted"
        _remark(verdict, f"{kind}: {text[:80]!r}")
    return kept


def _out_of_order(log: Log, times: Sequence[tuple[int, str]]) -> Iterator[str]:
    """Lines that stand behind one that was written later; lines of one time have no order."""
    reached = highest = -1
    at = -1
    for time, text in times:
        if time != at:
            reached, at = highest, time
        number = log.lines.number_of(log.name, text)
        assert number is not None
        if number < reached:
            yield text
        highest = max(highest, number)


def _labelled(expected: Expected, log: Log, text: str, labels: Mapping[str, str]) -> bool:
    number = log.lines.number_of(log.name, text)
    assert number is not None
    wanted = {**expected.labels[log.name], **log.lines.labels(number)}
    bound = {name: value for name, value in labels.items() if name not in expected.free_labels}
    return bound in [{**wanted, **given} for given in expected.in_force]


def _remark(verdict: Verdict, words: str) -> None:
    """Keep a few examples."""
    if len(verdict.remarks) < 12:
        verdict.remarks.append(words)
