"""An agent whose books do not balance ends at once where that is asserted, and names it where it is not."""

import pytest
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e

SOURCE = """
[[source]]
name = "app"
type = "file"
paths = ["{logs}/*.log"]
pipeline = "plaintext"
"""
FORGETFUL = """
from shipper.delivery.settle import Settlement
Settlement.store = lambda self, piece: self._close(piece.pending, piece.entries)
"""
CARELESS = """
from shipper.delivery.sender import Sender
Sender.submit = lambda self, pushes: None
"""


@pytest.mark.parametrize(
    ("bug", "told"),
    [
        (FORGETFUL, "3 lines read, 0 settled, 3 in flight by the books and 0 by count"),
        (CARELESS, "3 lines read, 0 settled, 3 in flight by the books and 0 by count"),
    ],
)
def test_a_line_that_vanishes_on_the_way_ends_the_agent(world, bug: str, told: str) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE)
    (world.logs / "app.log").write_text("1\n2\n3\n")
    world.start(bug)
    eventually(lambda: "books_unbalanced" in world.agent_log(), "the imbalance is found")
    assert world.process.wait(30) == 1
    world.process = None
    assert f"error: the books do not balance: source app: {told}" in world.agent_log()


def test_where_it_is_not_asserted_an_imbalance_is_named_and_the_agent_goes_on(world) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE)
    (world.logs / "app.log").write_text("1\n2\n3\n")
    world.start(f"import os\ndel os.environ['SHIPPER_ASSERT_BOOKS']\n{FORGETFUL}")
    eventually(lambda: "books_unbalanced" in world.agent_log(), "the imbalance is found")
    with (world.logs / "app.log").open("a") as file:
        file.write("4\n")
    world.await_entries(4)
    assert world.stop() == 0
