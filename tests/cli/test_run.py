"""`shipper run`: which options go together."""

from __future__ import annotations

import pytest

from shipper.cli import main
from shipper.errors import UsageError


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--once", "--dry-run"], "--once ships and --dry-run does not"),
        (["run", "--lines", "5"], "--lines is for a preview"),
        (["--json"], "--json needs something that ends"),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_anything_is_read(args: list[str], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        main(args, standalone_mode=False)
    assert raised.value.message == message
