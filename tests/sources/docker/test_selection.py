"""Which containers are meant, and why."""

from __future__ import annotations

import pytest

from shipper.config.model import DockerRules, DockerSource
from shipper.sources.docker.container import Container
from shipper.sources.docker.selection import Selection, Verdict

WEB = Container(id="a" * 64, name="mlops-web", image="ghcr.io/x/web:1.2", labels={"team": "ml", "tier": ""})


def verdict(include: DockerRules | None = None, exclude: DockerRules | None = None, **more: bool) -> Verdict:
    empty = DockerRules()
    config = DockerSource(name="d", include=include or empty, exclude=exclude or empty, **more)
    return Selection(config, own=WEB.id if "own_container" in more else "").judge(WEB)


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        (DockerRules(), Verdict(True, "no include rules: every container")),
        (DockerRules(names=("web", "mlops-.*")), Verdict(True, "include.names 'mlops-.*'")),
        (DockerRules(names=("mlops",)), Verdict(False, "no include rule matches")),
        (DockerRules(labels=("team",)), Verdict(True, "include.labels 'team'")),
        (DockerRules(labels=("team=ml",)), Verdict(True, "include.labels 'team=ml'")),
        (DockerRules(labels=("team=", "tier=")), Verdict(True, "include.labels 'tier='")),
        (DockerRules(labels=("team=ops",)), Verdict(False, "no include rule matches")),
        (DockerRules(images=(".*/web:.*",)), Verdict(True, "include.images '.*/web:.*'")),
        (
            DockerRules(names=("mlops-web",), labels=("team",), images=(".*",)),
            Verdict(True, "include.names 'mlops-web' and include.labels 'team' and include.images '.*'"),
        ),
        (DockerRules(names=("mlops-web",), labels=("absent",)), Verdict(False, "no include rule matches")),
    ],
)
def test_every_kind_of_rule_has_to_match_and_the_verdict_names_those_that_do(
    include: DockerRules, expected: Verdict
) -> None:
    assert verdict(include) == expected


def test_what_is_excluded_is_left_out_though_it_is_included() -> None:
    rules = DockerRules(names=("mlops-web",))
    assert verdict(rules, rules) == Verdict(False, "exclude.names 'mlops-web'")


def test_the_agent_s_own_container_is_left_out_unless_it_is_asked_for() -> None:
    assert verdict(own_container=False) == Verdict(False, "the agent's own container (own_container = false)")
    assert verdict(own_container=True) == Verdict(True, "no include rules: every container")
