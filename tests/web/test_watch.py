"""What is sampled once a second, and what it may cost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shipper.config.model import Config, Loki
from shipper.ledger import Ledger
from shipper.sources.step import Extent
from shipper.web import watch as module
from shipper.web.watch import KEPT, LATELY, Watch


class Source:
    """Counts how often it is asked."""

    name = "app"

    def __init__(self) -> None:
        self.asked = 0

    def extent(self) -> Extent:
        self.asked += 1
        return Extent(things=1, size=100, offset=60)


def agent(source: Source) -> Any:
    ledger = Ledger()
    ledger.account("app")
    return SimpleNamespace(
        config=Config(),
        ledger=ledger,
        collectors={"app": SimpleNamespace(source=source)},
        delivery=SimpleNamespace(unsettled=lambda: {"app": (7, 1)}),
    )


def test_samples_are_what_changed_since_the_one_before_and_bounded() -> None:
    one = agent(Source())

    async def run() -> Watch:
        watch = Watch(one)
        for number in range(KEPT + 10):
            one.ledger.account("app").read += number
            await watch.look()
        watch.close()
        return watch

    watch = asyncio.run(run())
    assert watch.rates() == {
        "every": 1.0,
        "lines": list(range(10, KEPT + 10)),
        "bytes": [0] * KEPT,
        "delivered": [0] * KEPT,
        "lag_bytes": [47] * KEPT,
    }
    last = [KEPT + 10 - back for back in range(1, LATELY + 1)]
    assert watch.lines_per_second("app") == sum(last) / LATELY
    assert watch.lines_per_second("nobody") == 0.0


@pytest.mark.parametrize(("took", "asked"), [(0.001, 20), (0.05, 2)])
def test_how_far_sources_are_is_asked_the_more_rarely_the_longer_it_takes(
    monkeypatch: pytest.MonkeyPatch, took: float, asked: int
) -> None:
    source, now = Source(), 0.0
    monkeypatch.setattr(module, "_timed", lambda work: (work(), took))

    async def run() -> None:
        nonlocal now
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: now)
        watch = Watch(agent(source))
        for _ in range(10):
            await watch.look()
            await watch.refresh()
            now += 0.5
            await watch.refresh()
            now += 0.5
        watch.close()

    asyncio.run(run())
    assert source.asked == asked


def test_secrets_are_hidden_from_the_first_moment_of_a_configuration_on(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("of-the-file\n")
    one = agent(Source())
    one.config = Config(secrets=("first-one",))

    async def run() -> None:
        watch = Watch(one)
        assert watch.masker.mask("first-one") == "***"
        one.config = Config(loki=Loki(bearer_token_file=str(token)), secrets=("second-one",))
        assert watch.masker.mask("first-one second-one of-the-file") == "*** *** of-the-file"
        await watch.look()
        assert watch.masker.mask("second-one of-the-file") == "*** ***"
        watch.close()

    asyncio.run(run())
