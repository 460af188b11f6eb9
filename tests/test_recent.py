"""Values seen lately, in bounded memory."""

from shipper.recent import Recent, Seen


def test_a_value_is_new_once_and_again_when_it_was_not_seen_for_long() -> None:
    now = 0.0
    recent = Recent(10.0, 100, monotonic=lambda: now)
    assert [recent.see("a"), recent.see("a"), recent.see("b")] == [True, False, True]
    now = 11.0
    assert [recent.see("c"), recent.see("a"), len(recent)] == [True, False, 3]
    now = 22.0
    assert [recent.see("d"), recent.see("b"), recent.see("a")] == [True, True, False]


def test_more_values_than_it_holds_are_never_known() -> None:
    recent = Recent(10.0, 100, monotonic=lambda: 0.0)
    sizes = []
    for number in range(10_000):
        recent.see(str(number))
        sizes.append(len(recent))
    assert (max(sizes), recent.see("9999"), recent.see("1")) == (100, False, True)


def test_counts_add_up_over_a_turn_and_the_latest_time_stays() -> None:
    now = 0.0
    recent = Recent(10.0, 100, monotonic=lambda: now)
    recent.see("a", 3, 70)
    recent.see("a", 2, 60)
    recent.see("b", 1, 10)
    now = 11.0
    recent.see("a", 4, 65)
    assert recent.known() == {"b": Seen(1, 10), "a": Seen(9, 70)}
