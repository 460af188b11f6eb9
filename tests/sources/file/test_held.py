"""Deleted files that are kept open: under one cap, the oldest of all sources go first."""

from __future__ import annotations

from shipper.sources.file.held import Held, HeldDeleted


def test_without_a_cap_everything_is_held():
    held = HeldDeleted()
    assert held.report("a", [Held(1, 1, 10**12)]) == set()
    assert held.total == 10**12


def test_the_oldest_of_all_sources_go_until_the_rest_is_under_the_cap():
    held = HeldDeleted(100)
    assert held.report("a", [Held(1, 11, 60), Held(5, 15, 30)]) == set()
    assert held.report("b", [Held(3, 23, 30)]) == set()
    assert held.total == 120
    assert held.report("a", [Held(1, 11, 60), Held(5, 15, 30)]) == {11}
    assert held.total == 60
    assert held.report("b", [Held(3, 23, 30), Held(9, 29, 90)]) == {23}
    assert held.report("a", [Held(5, 15, 30)]) == {15}
    assert held.total == 90


def test_a_file_larger_than_the_cap_goes_itself():
    held = HeldDeleted(100)
    assert held.report("a", [Held(1, 1, 101)]) == {1}
    assert held.total == 0


def generation(bench, number):
    """Replace the file by one of 1000 bytes."""
    (bench.root / "app.log").unlink(missing_ok=True)
    bench.write("app.log", f"{number:09d}\n" * 100)
    bench.now += 1
    bench.step(0)
    bench.now += 1
    bench.step(0)


def test_above_the_cap_the_oldest_deleted_generations_are_given_up_counted_and_named(bench):
    bench.held = HeldDeleted(2500)
    bench.start("app.log")
    for number in range(5):
        generation(bench, number)
    assert (bench.held.total, bench.source.deleted_bytes_held(), bench.unread) == (2000, 2000, 2000)
    named = {failure.name: failure.detail for failure in bench.failures.current()}
    path = bench.root / "app.log"
    assert named == {
        "held_deleted_full": f"{path}: 1000 unread bytes were given up",
        "truncated_unread": f"1000 bytes of {path} were gone before they were read",
    }
    bench.later(6, steps=3)
    assert bench.texts() == [f"{number:09d}" for number in (2, 3, 4) for _ in range(100)]
    assert (bench.held.total, bench.failing()) == (0, {"truncated_unread": 1})
    assert bench.journal.lost == 2000


def test_half_a_line_whose_other_half_is_given_up_is_lost_with_it(bench):
    bench.held = HeldDeleted(1)
    path = bench.write("app.log", "whole\n" + "x" * 400_000)
    bench.start("app.log")
    bench.step(1)
    assert bench.texts() == ["whole"]
    path.unlink()
    for _ in range(2):
        bench.now += 1
        bench.step(0)
    bench.later(11, steps=2)
    assert (bench.texts(), bench.unread) == (["whole"], 400_000)
