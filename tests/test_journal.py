"""The journal: durable begins, contiguous positions, one agent per data_dir, damage set aside."""

import asyncio
import os
import resource
import shutil
import sqlite3
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.chunk import Carry, Fingerprint, Moment, Origin, Span
from shipper.delivery.settled import DeadLetter, Settled
from shipper.errors import DeadLettersFull, JournalError, JournalLocked, UsageError
from shipper.journal import Journal
from shipper.positions import Losses, State
from shipper.sources.step import Generation, Note, OpenSpan
from shipper.storage import unreadable

ORIGIN = Origin(source="app", generation=1, path="/logs/app.log")


def span(start: int, end: int, *, generation: int = 1) -> Span:
    return Span(
        origin=Origin(source="app", generation=generation, path="/logs/app.log"),
        start=start,
        end=end,
        clock=1_795_000_000_000_000_000 + start,
        after_eof=start == 0,
        hit_eof=end % 2 == 0,
        fingerprint=Fingerprint(min(end, 1024), b"head", min(end, 1024), b"tail%d" % end),
        file_changed=end,
        carry=Carry(issued=start),
        demoted=("request_id",),
        epoch="e1",
    )


def settled(one: Span, *letters: DeadLetter) -> Settled:
    return Settled(span=one, carry=Carry(issued=one.end), dead_letters=letters)


def note(identity: int = 1, *, final: int | None = None) -> Note:
    return Note(
        id=identity,
        source="app",
        path="/logs/app.log",
        seen_at="/logs/app.log",
        device=1,
        inode=2,
        size=100,
        changed=5,
        final=final,
    )


def letter(offset: int, text: bytes | None = b"text") -> DeadLetter:
    return DeadLetter(
        source="app",
        path="/logs/app.log",
        generation=1,
        offset=offset,
        length=5,
        lines=1,
        timestamp=7,
        tenant="",
        labels='{job="app"}',
        text=text,
        reason="too_old",
        words="entry has timestamp too old",
        time=9,
    )


def drive(data_dir: Path, work: Callable[[Journal], Coroutine[object, object, None]], **options: object) -> None:
    async def run() -> None:
        async with Journal(data_dir, **options) as journal:  # type: ignore[arg-type]
            await work(journal)

    asyncio.run(run())


def positions(data_dir: Path) -> list[Generation]:
    with State(data_dir) as state:
        return state.positions()


def test_a_position_advances_over_contiguous_settled_spans_alone(tmp_path: Path) -> None:
    spans = [span(0, 10), span(10, 20), span(20, 30)]

    async def work(journal: Journal) -> None:
        journal.open_source("app", "e1", b"{}")
        journal.note([note()])
        await journal.begin(spans)
        await journal.commit([settled(spans[1])])
        assert [generation.offset for generation in positions(tmp_path)] == [0]
        await journal.commit([settled(spans[0])])
        (generation,) = positions(tmp_path)
        known = (generation.offset, generation.carry, generation.settled_row)
        assert (*known, generation.fingerprint, generation.at_eof) == (
            20,
            Carry(issued=20),
            2,
            spans[1].fingerprint,
            True,
        )
        assert generation.changed == 20
        assert [one.start for one in generation.open] == [20]

    drive(tmp_path, work)


def test_open_spans_come_back_whole_after_a_restart(tmp_path: Path) -> None:
    first, second = span(0, 11), span(11, 20)

    async def live(journal: Journal) -> None:
        journal.open_source("app", "e1", b'{"name":"app"}')
        journal.note([note()])
        await journal.begin([first, second])
        await journal.commit([settled(second)])

    async def again(journal: Journal) -> None:
        (generation,) = journal.known("app")
        assert generation.open == (
            OpenSpan(
                row=1,
                start=0,
                end=11,
                clock=first.clock,
                after_eof=True,
                hit_eof=False,
                fingerprint=first.fingerprint,
                file_changed=11,
                carry=Carry(issued=0),
                demoted=("request_id",),
                epoch="e1",
                settled=False,
            ),
            OpenSpan(
                row=2,
                start=11,
                end=20,
                clock=second.clock,
                after_eof=False,
                hit_eof=True,
                fingerprint=second.fingerprint,
                file_changed=20,
                carry=Carry(issued=11),
                demoted=("request_id",),
                epoch="e1",
                settled=True,
                carry_after=Carry(issued=20),
            ),
        )
        assert journal.epoch("e1") == b'{"name":"app"}'
        assert not journal.first_start("app")
        first.row = 1
        await journal.commit([settled(first)])
        (generation,) = positions(tmp_path)
        assert (generation.offset, generation.carry, generation.open) == (20, Carry(issued=20), ())

    drive(tmp_path, live)
    drive(tmp_path, again)


def test_a_replayed_span_keeps_its_row(tmp_path: Path) -> None:
    one = span(0, 10)

    async def work(journal: Journal) -> None:
        journal.note([note()])
        await journal.begin([one])
        row = one.row
        await journal.begin([one])
        assert one.row == row

    drive(tmp_path, work)


@settings(max_examples=settings().max_examples // 3)
@given(order=st.permutations(range(6)), groups=st.integers(1, 3), beginning=st.sets(st.integers(0, 5)))
def test_for_every_order_of_settling_the_end_is_the_same_alone_or_with_spans_that_begin(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], groups: int, beginning: set[int]
) -> None:
    data_dir = tmp_path_factory.mktemp("journal")
    spans = [span(start, start + 10) for start in range(0, 60, 10)]

    async def work(journal: Journal) -> None:
        journal.note([note()])
        await journal.begin(spans)
        done: set[int] = set()
        for at in range(0, 6, groups):
            batch = order[at : at + groups]
            ones = [settled(spans[index]) for index in batch]
            await (journal.begin([], ones) if at in beginning else journal.commit(ones))
            done |= set(batch)
            expected = next((index for index in range(6) if index not in done), 6) * 10
            assert positions(data_dir)[0].offset == expected

    drive(data_dir, work)
    assert positions(data_dir)[0].open == ()


def test_what_begins_and_what_is_settled_with_it_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    first, second = span(0, 10), span(10, 20)

    async def work(journal: Journal) -> None:
        journal.note([note()])
        await journal.begin([first])
        clashing = replace(second, row=0, epoch=None)
        with pytest.raises(JournalError):
            await journal.begin([clashing], [settled(first)])
        assert [(one.offset, len(one.open)) for one in positions(tmp_path)] == [(0, 1)]
        await journal.begin([second], [settled(first)])
        assert [(one.offset, len(one.open)) for one in positions(tmp_path)] == [(10, 1)]
        await journal.commit([settled(first)])
        await journal.commit([settled(second)])
        assert [(one.offset, len(one.open)) for one in positions(tmp_path)] == [(20, 0)]

    drive(tmp_path, work)


def test_a_path_that_is_not_utf8_is_kept_as_it_is(tmp_path: Path) -> None:
    path = os.fsdecode(b"/logs/\xff \xed\xa0\x80 \xea\xb0\x80.log")
    one = span(0, 10)

    async def work(journal: Journal) -> None:
        journal.note([replace(note(), path=path, seen_at=path)])
        await journal.begin([one])
        await journal.commit([settled(one, replace(letter(0), path=path))])

    drive(tmp_path, work)
    (kept,) = positions(tmp_path)
    assert (kept.path, kept.seen_at, kept.offset) == (path, path, 10)
    with State(tmp_path) as state:
        assert [one.letter.path for one in state.dead_letters()] == [path]


NUMBERS = st.integers(0, 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
CARRIES = st.builds(
    Carry,
    issued=NUMBERS,
    parsed=NUMBERS,
    recent=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3).map(tuple),
    level=TEXTS,
    record=TEXTS,
)
FINGERPRINTS = st.builds(Fingerprint, head_length=NUMBERS, head=st.binary(max_size=9), tail_length=NUMBERS)


@settings(max_examples=settings().max_examples // 3)
@given(
    carry=CARRIES,
    after=CARRIES,
    fingerprint=FINGERPRINTS,
    demoted=st.lists(TEXTS, max_size=3).map(tuple),
    clock=NUMBERS,
)
def test_for_every_span_what_is_written_is_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory,
    carry: Carry,
    after: Carry,
    fingerprint: Fingerprint,
    demoted: tuple[str, ...],
    clock: int,
) -> None:
    data_dir = tmp_path_factory.mktemp("journal")
    state = {"carry": carry, "fingerprint": fingerprint, "demoted": demoted, "clock": clock}
    one, other = replace(span(0, 10), **state), replace(span(10, 20), **state)

    async def work(journal: Journal) -> None:
        journal.note([note()])
        await journal.begin([one, other])
        await journal.commit([Settled(span=one, carry=after)])

    drive(data_dir, work)
    (kept,) = positions(data_dir)
    assert (kept.offset, kept.carry, kept.fingerprint) == (10, after, fingerprint)
    assert [{name: getattr(open_, name) for name in state} for open_ in kept.open] == [state]


def test_a_generation_is_finished_once_everything_before_its_final_offset_is_settled(tmp_path: Path) -> None:
    one = span(0, 10)

    async def work(journal: Journal) -> None:
        journal.note([note()])
        await journal.begin([one])
        journal.note([note(final=10)])
        await journal.flush()
        assert not positions(tmp_path)[0].finished
        await journal.commit([settled(one)])
        assert positions(tmp_path)[0].finished

    drive(tmp_path, work)


def test_a_note_after_the_last_commit_finishes_too(tmp_path: Path) -> None:
    one = span(0, 10)

    async def work(journal: Journal) -> None:
        journal.note([note()])
        await journal.begin([one])
        await journal.commit([settled(one)])
        journal.note([note(final=10)])
        await journal.flush()
        assert positions(tmp_path)[0].finished

    drive(tmp_path, work)


def test_numbers_of_generations_are_never_given_twice(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        number = journal.new_generation()
        journal.note([note(number)])
        await journal.flush()
        given_out.append(number)

    given_out: list[int] = []
    drive(tmp_path, work)
    drive(tmp_path, work)
    assert given_out == sorted(set(given_out))


def test_a_second_agent_is_refused_with_the_number_of_the_first(tmp_path: Path) -> None:
    async def work(_: Journal) -> None:
        with pytest.raises(JournalLocked, match=r"another shipper \(process \d+\) runs on data_dir"):
            Journal(tmp_path)
        with pytest.raises(JournalLocked):
            State(tmp_path, write=True)

    drive(tmp_path, work)
    drive(tmp_path, lambda journal: asyncio.sleep(0))


@pytest.mark.parametrize(
    "damage", [b"not a database at all, but long enough to have a header" * 9, b"SQLite format 3\0" * 300]
)
def test_a_damaged_journal_is_set_aside_under_a_name(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "journal.db").write_bytes(damage)

    async def work(journal: Journal) -> None:
        assert journal.set_aside is not None
        assert journal.set_aside.read_bytes() == damage
        assert journal.first_start("app")

    drive(tmp_path, work)


def test_a_journal_of_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    drive(tmp_path, lambda journal: asyncio.sleep(0))
    with sqlite3.connect(tmp_path / "journal.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(JournalError, match="newer shipper"):
        Journal(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if "damaged" in path.name] == []


def test_a_start_that_fails_on_a_full_disk_says_so_and_the_next_one_works(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # no file may grow: writing fails as on a full disk
    try:
        with pytest.raises(JournalError, match=r"^the journal \S+/journal.db cannot be opened: disk I/O error"):
            Journal(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "journal.db").stat().st_size == 0
    with pytest.raises(JournalError) as raised:
        State(tmp_path)
    assert (raised.value.message, raised.value.hint) == (
        f"the journal {tmp_path}/journal.db is empty: no start of the agent has succeeded here yet",
        "start the agent (shipper --once) and mend what it complains of; nothing is lost",
    )
    drive(tmp_path, lambda journal: asyncio.sleep(0))
    assert positions(tmp_path) == []


def test_a_disk_with_hardly_any_room_is_named_in_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(100, 93, 7))  # type: ignore[attr-defined]
    error = unreadable(sqlite3.OperationalError("disk I/O error"), tmp_path / "journal.db")
    assert (
        error.message
        == f"the journal {tmp_path}/journal.db cannot be opened: disk I/O error (free on its disk: 7 bytes)"
    )
    assert unreadable(sqlite3.DatabaseError("malformed")).message == "the journal is damaged: malformed"


def test_a_failed_transaction_changes_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    spans = [span(0, 10), span(10, 20)]

    async def work(journal: Journal) -> None:
        journal.note([note()])
        await journal.flush()
        journal._database.execute("PRAGMA max_page_count = 1")
        big = span(0, 10)
        big.demoted = tuple(f"name{index}" * 100 for index in range(400))
        with pytest.raises(JournalError, match="full"):
            await journal.begin([big])
        assert big.row == 0
        journal._database.execute("PRAGMA max_page_count = 1000000")
        await journal.begin(spans)
        await journal.commit([settled(one) for one in spans])
        assert positions(tmp_path)[0].offset == 20

    drive(tmp_path, work)


def test_dead_letters_are_committed_with_their_span_and_once(tmp_path: Path) -> None:
    one = span(0, 10)

    async def work(journal: Journal) -> None:
        journal.note([note()])
        await journal.begin([one])
        await journal.commit([settled(one, letter(0), letter(0), letter(5, None))])

    drive(tmp_path, work)
    with State(tmp_path) as state:
        assert [kept.letter for kept in state.dead_letters()] == [letter(0), letter(5, None)]
        assert state.dead_letters(reason="labels") == []
        last = state.dead_letters()[-1]
        assert state.dead_letter(last.id) == last
        with pytest.raises(UsageError):
            state.dead_letter(9)
    with State(tmp_path, write=True) as state:
        assert state.purge([1]) == 1
        assert state.purge() == 1


def test_full_dead_letters_hold_the_span_back(tmp_path: Path) -> None:
    one = span(0, 10)

    async def work(journal: Journal) -> None:
        journal.note([note()])
        await journal.begin([one])
        with pytest.raises(DeadLettersFull):
            await journal.commit([settled(one, letter(0, b"x" * 2000))])
        assert positions(tmp_path)[0].offset == 0

    drive(tmp_path, work, max_bytes=1000)


def test_full_dead_letters_may_drop_the_oldest(tmp_path: Path) -> None:
    spans = [span(0, 10), span(10, 20)]

    async def work(journal: Journal) -> None:
        journal.note([note()])
        await journal.begin(spans)
        await journal.commit([settled(spans[0], letter(0, b"x" * 500))])
        await journal.commit([settled(spans[1], letter(10, b"y" * 500))])
        assert journal.dropped_letters == 1

    drive(tmp_path, work, max_bytes=1000, when_full="drop-oldest")
    with State(tmp_path) as state:
        assert [kept.letter.offset for kept in state.dead_letters()] == [10]


def test_positions_can_be_renamed_and_reset(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        journal.open_source("app", "e1", b"{}")
        journal.note([note()])
        await journal.flush()

    drive(tmp_path, work)
    with State(tmp_path, write=True) as state:
        assert state.rename("app", "web") == 1
        assert [generation.source for generation in state.positions()] == ["web"]
        with pytest.raises(UsageError, match="no positions of a source 'app'"):
            state.reset("app")
        assert state.reset("web") == 1
        assert state.sources() == []


def test_demoted_labels_are_kept(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        await journal.demote("app", ("request_id",))
        assert journal.demoted("app") == ("request_id",)

    drive(tmp_path, work)
    drive(tmp_path, work)


def test_the_files_are_private(tmp_path: Path) -> None:
    data_dir = tmp_path / "state"
    drive(data_dir, lambda journal: asyncio.sleep(0))
    assert (data_dir.stat().st_mode & 0o777, (data_dir / "journal.db").stat().st_mode & 0o777) == (0o700, 0o600)


def test_an_unusable_data_dir_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError) as caught:
        Journal(tmp_path / "file" / "state")
    assert caught.value.hint == "let [agent] data_dir name a directory that the agent's user may write to"


def test_a_change_by_hand_that_cannot_be_written_is_told_and_changes_nothing(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        journal.note([note()])
        await journal.flush()

    drive(tmp_path, work)
    before = positions(tmp_path)
    changes: list[Callable[[State], int]] = [
        lambda state: state.reset("app"),
        lambda state: state.rename("app", "web"),
        lambda state: state.purge(),
        lambda state: state.purge([1]),
    ]
    with State(tmp_path, write=True) as state:
        state._database.execute("PRAGMA query_only = ON")
        for change in changes:
            with pytest.raises(JournalError, match=r"^the journal cannot be written: attempt to write a readonly"):
                change(state)
    assert positions(tmp_path) == before


def losses(data_dir: Path) -> Losses:
    with State(data_dir) as state:
        return state.losses("app").get("app", Losses())


def test_a_loss_is_written_with_the_note_that_makes_it_final_and_counted_once_over_restarts(tmp_path: Path) -> None:
    async def lose(journal: Journal) -> None:
        journal.note([replace(note(), lost=30), replace(note(), lost=12, gone=True)])
        assert journal.losses("app") == Losses()
        await journal.flush()
        assert losses(tmp_path) == Losses(truncated_unread=42)

    async def again(journal: Journal) -> None:
        assert (journal.losses("app"), journal.known("app")[0].gone) == (Losses(truncated_unread=42), True)
        journal.note([replace(note(2), lost=1)])

    drive(tmp_path, lose)
    drive(tmp_path, again)
    assert losses(tmp_path) == Losses(truncated_unread=43)


def test_a_transaction_that_fails_counts_no_loss_and_the_next_one_counts_it_once(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        await journal.begin([span(0, 10)])
        journal.note([replace(note(), lost=5)])
        with sqlite3.connect(tmp_path / "journal.db") as other:
            other.execute("CREATE TRIGGER refuse BEFORE INSERT ON generations BEGIN SELECT RAISE(ABORT, 'no'); END")
        with pytest.raises(JournalError):
            await journal.begin([span(10, 20)])
        with pytest.raises(JournalError):
            await journal.flush()
        assert losses(tmp_path) == Losses()
        with sqlite3.connect(tmp_path / "journal.db") as other:
            other.execute("DROP TRIGGER refuse")
        await journal.begin([span(10, 20)])
        await journal.flush()
        assert losses(tmp_path) == Losses(truncated_unread=5)

    drive(tmp_path, work)


def test_a_span_that_could_not_be_read_again_is_counted_when_it_is_closed(tmp_path: Path) -> None:
    first, second = span(0, 10), span(10, 24)

    async def work(journal: Journal) -> None:
        journal.note([note()])
        await journal.begin([first, second])
        await journal.abandon([second])
        assert losses(tmp_path) == Losses(replay_missing=14)
        await journal.commit([settled(first)])
        await journal.flush()

    drive(tmp_path, work)
    assert losses(tmp_path) == Losses(replay_missing=14)
    assert [(generation.offset, generation.open) for generation in positions(tmp_path)] == [(24, ())]


def test_a_span_that_could_not_be_closed_is_closed_with_the_next_transaction(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        journal.note([note()])
        one = span(0, 10)
        await journal.begin([one])
        with sqlite3.connect(tmp_path / "journal.db") as other:
            other.execute("CREATE TRIGGER refuse BEFORE DELETE ON spans BEGIN SELECT RAISE(ABORT, 'no'); END")
        with pytest.raises(JournalError):
            await journal.abandon([one])
        assert losses(tmp_path) == Losses()
        with sqlite3.connect(tmp_path / "journal.db") as other:
            other.execute("DROP TRIGGER refuse")
        await journal.flush()
        assert losses(tmp_path) == Losses(replay_missing=10)

    drive(tmp_path, work)


def test_a_journal_of_the_first_version_is_made_one_of_this(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        journal.note([note()])

    drive(tmp_path, work)
    with sqlite3.connect(tmp_path / "journal.db") as database:
        later = [("sources", "truncated_unread"), ("sources", "replay_missing"), ("generations", "gone")]
        for table, column in [*later, ("generations", "facts"), ("generations", "settled_row")]:
            database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        database.execute("PRAGMA user_version = 1")
    database.close()
    with pytest.raises(JournalError, match="older shipper"):
        State(tmp_path)
    drive(tmp_path, work)
    assert [generation.path for generation in positions(tmp_path)] == ["/logs/app.log"]
    assert losses(tmp_path) == Losses()


def test_a_stream_s_moments_and_facts_come_back_as_they_were(tmp_path: Path) -> None:
    facts = (("id", "4f0c"), ("name", "mlops-fastapi"), ("stream", "stderr"))
    begun, then = Moment(7, 0, 7), Moment(1_795_000_000_123_456_789, 3, 1_795_000_000_123_456_790)
    first = replace(note(), facts=facts, fingerprint=begun)
    one = span(0, 10)
    one.fingerprint = then

    async def before(journal: Journal) -> None:
        journal.note([first])
        await journal.begin([one])

    async def after(journal: Journal) -> None:
        (generation,) = journal.known("app")
        assert (generation.facts, generation.fingerprint) == (facts, begun)
        assert [known.fingerprint for known in generation.open] == [then]
        await journal.commit([settled(one)])
        assert [generation.fingerprint for generation in journal.known("app")] == [then]

    drive(tmp_path, before)
    drive(tmp_path, after)


def test_a_generation_is_finished_whichever_transaction_writes_its_end(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        journal.note([note(1), note(2, final=0)])
        await journal.begin([span(0, 10)])
        assert [known.finished for known in journal.known("app")] == [False, True]

    drive(tmp_path, work)


def test_what_became_of_files_long_gone_is_forgotten_while_the_agent_runs(tmp_path: Path) -> None:
    async def work(journal: Journal) -> None:
        journal.open_source("app", "e1", b"{}")
        journal.note([note(identity, final=0) for identity in range(1, 1503)])
        journal.note([replace(note(1503), final=None)])
        await journal.flush()
        assert await journal.prune() is True
        kept = [generation.id for generation in positions(tmp_path)]
        assert (kept[0], kept[-1], len(kept)) == (503, 1503, 1001)
        assert journal.epoch("e1") == b"{}"

    drive(tmp_path, work)
