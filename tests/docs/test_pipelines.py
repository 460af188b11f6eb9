"""Examples of docs/pipelines.md: each line in becomes what the page says."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from tests.docs.pages import ROOT, Fence, fences, headings

from shipper.clock import Clock
from shipper.config.loading import examine_text
from shipper.config.model import Config, ResolvedSource
from shipper.config.resolve import resolve
from shipper.explain.playground import playground

PAGE: Final = ROOT / "docs/pipelines.md"
NOW: Final = 1_769_558_400_000_000_000
"""2026-01-28T00:00:00Z: the lines of the page are of the day before."""
SOURCE: Final = '[[source]]\nname = "app"\ntype = "file"\npaths = ["/logs/a.log"]\npipeline = "example"\n'
COLUMN: Final = 10


def _config(text: str) -> Config:
    examined = examine_text(text.encode(), "shipper.toml", {})
    assert examined.problems == ()
    assert examined.config is not None
    return examined.config


def _source(toml: str) -> ResolvedSource:
    """The first source of a fence; a fence of stages alone gets one that uses them."""
    config = _config(toml if "[[source]]" in toml else SOURCE + toml)
    return resolve(config, config.sources[0])


def _examples() -> list[tuple[Fence, Fence]]:
    """Each block of lines in and out, and the configuration above it."""
    found = []
    above: Fence | None = None
    for fence in fences(PAGE):
        if fence.language == "toml":
            above = fence
        elif fence.language == "text":
            assert above is not None
            found.append((above, fence))
    return found


def _told(fence: Fence) -> dict[str, str]:
    told: dict[str, list[str]] = {}
    for line in fence.text.splitlines():
        told.setdefault(line[:COLUMN].strip(), []).append(line[COLUMN:])
    return {name: "\n".join(lines) for name, lines in told.items()}


def _pairs(pairs: dict[str, str]) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(pairs.items())) + "}"


def _out(source: ResolvedSource, given: str) -> dict[str, str]:
    """What becomes of the lines, in the page's words."""
    records: list[dict[str, Any]] = playground(source, f"{given}\n", "/logs/a.log", clock=Clock(lambda: NOW))["records"]
    record = records[-1]
    assert [other["entry"] for other in records[:-1]] == [None] * (len(records) - 1), "one entry for each block"
    if record["entry"] is None:
        return {"dropped": record["dropped"]}
    entry, begun, last = record["entry"], record["stages"][0]["labels"], record["stages"][-1]
    own = {name: value for name, value in entry["labels"].items() if begun.get(name) != value}
    read = next((stage["timestamp"] for stage in record["stages"] if stage["timestamp"] and stage["key"]), None)
    out = {
        "text": entry["text"] if entry["text"] != given else "",
        "labels": _pairs(own) if own else "",
        "time": read or "",
        "metadata": _pairs(entry["metadata"]) if entry["metadata"] else "",
    }
    assert last["dropped"] == ""
    return {name: value for name, value in out.items() if value}


@pytest.mark.parametrize(("toml", "fence"), _examples(), ids=lambda fence: fence.place)
def test_a_line_becomes_what_the_page_says(toml, fence):
    told = _told(fence)
    given = told.pop("in")
    if told.get("text") == given:  # shown again where joining is what is shown
        del told["text"]
    assert _out(_source(toml.text), given) == told


def test_every_stage_is_on_the_page():
    reference = {re.sub("`", "", text) for _, text in headings(ROOT / "docs/configuration.md")}
    on_the_page = [text for depth, text in headings(PAGE) if depth == 3]
    stages = [text for text in on_the_page if text in reference]
    model = (ROOT / "docs/configuration.md").read_text().partition("\n## Stages\n")[2]
    assert stages == re.findall(r"^### `(\w+)`$", model, re.MULTILINE)
