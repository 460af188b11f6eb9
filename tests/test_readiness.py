"""Whether logs get through."""

from shipper.failures import HINTS, NOTICES, Failure
from shipper.readiness import BLOCKING, not_ready


def failure(name: str) -> Failure:
    return Failure(name=name, source="", what="", detail="", hint=HINTS[name], since=7)


def test_what_blocks_is_in_the_catalogue_and_is_no_notice() -> None:
    assert HINTS.keys() > BLOCKING
    assert not BLOCKING & NOTICES


def test_only_what_blocks_makes_it_not_ready() -> None:
    lasting = [failure(name) for name in HINTS]
    found = not_ready(lasting, waiting=(), reached=True, since=1)
    assert {one.name for one in found} == BLOCKING
    harmless = [one for one in lasting if one.name not in BLOCKING]
    assert not_ready(harmless, waiting=(), reached=True, since=1) == ()


def test_at_the_start_it_is_not_ready_until_sources_have_looked_and_loki_was_reached() -> None:
    (starting,) = not_ready((), waiting={"b", "a"}, reached=False, since=1)
    assert (starting.name, starting.since) == ("starting", 1)
    assert starting.detail == (
        "source a has not looked at what there is yet; source b has not looked at what there is yet; "
        "Loki has not answered yet"
    )
    (starting,) = not_ready((), waiting=(), reached=False, since=1, detail="a GET was answered 404")
    assert starting.detail == "a GET was answered 404"
    assert not_ready((), waiting=(), reached=True, since=1) == ()
    (blocking,) = not_ready([failure("io_error")], waiting={"a"}, reached=False, since=1)
    assert blocking.name == "io_error"
