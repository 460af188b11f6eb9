"""What is noted while a transaction runs: written by the next one, once."""

from dataclasses import replace

from shipper.chunk import Fingerprint
from shipper.noted import Noted
from shipper.sources.step import Note

FIRST = Note(
    id=1,
    source="app",
    path="/app.log",
    seen_at="/app.log",
    device=1,
    inode=2,
    size=10,
    start=7,
    fingerprint=Fingerprint(7, b"head", 7, b"tail"),
    lost=5,
)
LATER = replace(FIRST, size=30, start=0, fingerprint=Fingerprint(), lost=3)


def test_notes_of_one_generation_become_one_with_its_beginning_its_end_and_all_it_lost() -> None:
    noted = Noted()
    noted.note([FIRST, replace(LATER, final=20), LATER])
    assert noted.waiting().notes == {1: replace(FIRST, size=30, final=20, lost=11)}


def test_a_loss_noted_while_another_is_written_is_left_for_the_next_transaction() -> None:
    noted = Noted()
    noted.note([FIRST])
    written = noted.waiting()
    noted.note([LATER])
    noted.forget(written)
    assert noted.waiting().notes == {1: replace(FIRST, size=30, lost=3)}
    noted.forget(noted.waiting())
    assert not noted


def test_what_was_not_written_is_not_forgotten() -> None:
    noted = Noted()
    noted.open_source("app", "e1", b"{}")
    noted.note([FIRST])
    noted.forget(replace(noted.waiting(), notes={}, sources=frozenset(), epochs={}))
    assert (noted.waiting().notes, noted.waiting().sources, noted.waiting().epochs) == (
        {1: FIRST},
        {"app"},
        {"e1": b"{}"},
    )
