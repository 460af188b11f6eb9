"""How much a source may read."""

from hypothesis import given
from hypothesis import strategies as st

from shipper.room import OWN_ROOM, OWN_ROOM_TOTAL, SHARED_ROOM, STEP_BYTES, STEPS_BYTES, room_for


def test_all_of_the_shared_room_is_there_for_one_source_alone_step_by_step() -> None:
    assert room_for(0, 0, 1) == STEPS_BYTES
    assert room_for(SHARED_ROOM - OWN_ROOM, SHARED_ROOM - OWN_ROOM, 1) == OWN_ROOM
    assert room_for(SHARED_ROOM, SHARED_ROOM, 1) == 0


def test_the_more_sources_there_are_the_less_each_reads_in_a_step() -> None:
    assert [room_for(0, 0, sources) for sources in (2, 8, 100)] == [STEPS_BYTES // 2, STEP_BYTES, STEP_BYTES]


def test_a_source_has_some_room_of_its_own_when_others_have_used_up_the_rest() -> None:
    assert room_for(0, SHARED_ROOM, 2) == OWN_ROOM
    assert room_for(0, 10 * SHARED_ROOM, 100) == OWN_ROOM_TOTAL // 100


def test_crumbs_are_no_room() -> None:
    assert room_for(OWN_ROOM - OWN_ROOM // 2, SHARED_ROOM, 2) == OWN_ROOM // 2
    assert room_for(OWN_ROOM - OWN_ROOM // 2 + 1, SHARED_ROOM, 2) == 0


@given(st.lists(st.integers(0, OWN_ROOM * 2), min_size=1, max_size=40))
def test_for_every_state_no_more_can_be_read_than_both_rooms_hold(unsettled: list[int]) -> None:
    total = sum(unsettled)
    rooms = [room_for(own, total, len(unsettled)) for own in unsettled]
    assert all(0 <= room <= max(SHARED_ROOM, OWN_ROOM) for room in rooms)
    alone = min(OWN_ROOM, OWN_ROOM_TOTAL // len(unsettled))
    assert all(room <= max(0, SHARED_ROOM - total, alone - own) for room, own in zip(rooms, unsettled, strict=True))
