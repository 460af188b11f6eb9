"""Pipelines of several stages that are measured, as keys and tables of a source."""

from __future__ import annotations

from typing import Final

PROMOTED: Final = """\
pipeline = "promoted"
[[pipeline.promoted]]
stage = "json"
message = ["event", "message"]
[[pipeline.promoted]]
stage = "timestamp"
from = "timestamp"
[[pipeline.promoted]]
stage = "labels"
from = ["level", "service"]
"""
VLLM_HEAD: Final = (
    r"^\[(?P<model>\w+)\] \(APIServer pid=\d+\) (?P<level>[A-Z]+):? (?:(?P<timestamp>[-\d]{5} [:\d]{8}) )?"
)
FIVE_ON_TEXT: Final = rf"""
pipeline = "five"
[[pipeline.five]]
stage = "regex"
pattern = '{VLLM_HEAD}'
[[pipeline.five]]
stage = "timestamp"
format = "%m-%d %H:%M:%S"
[[pipeline.five]]
stage = "labels"
from = ["level", "model"]
[[pipeline.five]]
stage = "drop"
pattern = 'GET /(health|metrics) '
[[pipeline.five]]
stage = "replace"
pattern = 'chatcmpl-[0-9a-f]{{16}}'
with = "chatcmpl-…"
"""
FIVE_ON_JSON: Final = r"""
pipeline = "five"
[[pipeline.five]]
stage = "json"
[[pipeline.five]]
stage = "timestamp"
from = "timestamp"
[[pipeline.five]]
stage = "labels"
from = ["level"]
[[pipeline.five]]
stage = "drop"
field = "path"
value = ["/health", "/metrics"]
[[pipeline.five]]
stage = "replace"
pattern = 'password=\w+'
with = 'password=***'
"""
