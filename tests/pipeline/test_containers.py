"""Labels of containers: made of facts and configuration alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shipper.config.model import ResolvedSource
from shipper.pipeline.containers import ContainerLabels, facts_of

LABELS = {
    "com.docker.compose.service": "fastapi-server",
    "com.docker.compose.project": "docker",
    "team": "ml",
    "secret": "never wanted",
}
FACTS = facts_of("4f0c", "mlops-fastapi", "stderr", LABELS, ["team", "missing"])


def test_facts_hold_of_a_container_s_labels_those_that_are_wanted() -> None:
    assert FACTS == (
        ("id", "4f0c"),
        ("name", "mlops-fastapi"),
        ("stream", "stderr"),
        ("label:com.docker.compose.project", "docker"),
        ("label:com.docker.compose.service", "fastapi-server"),
        ("label:team", "ml"),
    )


@pytest.mark.parametrize(
    ("pattern", "container"), [("(.*)", "mlops-fastapi"), ("mlops-(.*)", "fastapi"), ("(fast)", "mlops-fastapi")]
)
def test_a_name_pattern_matches_the_whole_name_or_leaves_it(
    make_resolved: Callable[..., ResolvedSource], pattern: str, container: str
) -> None:
    labels = ContainerLabels(make_resolved(type="docker", name_pattern=pattern, label_map={"team": "team"}))
    assert labels(FACTS) == {
        "container": container,
        "stream": "stderr",
        "compose_service": "fastapi-server",
        "compose_project": "docker",
        "team": "ml",
    }


def test_a_container_without_compose_has_its_name_and_stream_and_a_file_has_neither(
    make_resolved: Callable[..., ResolvedSource],
) -> None:
    labels = ContainerLabels(make_resolved(type="docker"))
    assert labels(facts_of("4f0c", "web", "stdout", {}, ())) == {"container": "web", "stream": "stdout"}
    assert labels(()) == {}
