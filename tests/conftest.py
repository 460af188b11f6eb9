"""How long Hypothesis looks, for the whole suite.

`SHIPPER_TEST_EXAMPLES=5000 make unit` is a long campaign. A test that needs more or fewer examples than the others
takes its share of them: `@settings(max_examples=settings().max_examples // 2)`.
"""

from __future__ import annotations

import os

from hypothesis import settings

# The machine may be busy: how long an example takes says nothing. A failure prints what repeats it. In CI the examples
# are the same each time: what is new there is the change; elsewhere they are new, and find what nobody looked for.
settings.register_profile(
    "shipper",
    deadline=None,
    print_blob=True,
    derandomize=os.environ.get("CI") == "true",
    max_examples=int(os.environ.get("SHIPPER_TEST_EXAMPLES", "100")),
)
settings.load_profile("shipper")
