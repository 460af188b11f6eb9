"""From the labels a line asks for to the stream it joins."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.config.model import ResolvedSource
from shipper.pipeline.labels import LabelGuard, Labeller, Stream, label_name

Make = Callable[..., ResolvedSource]
PATH = "/logs/vllm/model1_20260127.log"


def labeller(resolved: ResolvedSource, *, metadata: bool = True, most: int = 200) -> tuple[Labeller, LabelGuard]:
    guard = LabelGuard(most)
    return Labeller(resolved, guard, metadata=metadata), guard


def test_the_later_wins_of_configuration_path_filename_and_stages(make_resolved: Make) -> None:
    labels = {"job": "vllm", "model": "none", "level": "unknown", "kept": "yes", "empty": ""}
    resolved = make_resolved(labels=labels, path_labels=r"(?P<model>model\d+)_(?P<nothing>x?)", filename_label=True)
    made, _ = labeller(resolved)
    assert made.stream(PATH, (), (("level", "error"), ("kept", ""))) == Stream(
        f'{{filename="{PATH}", job="vllm", level="error", model="model1"}}', (), ()
    )
    assert made.stream("/other.log", (), ()) == Stream(
        '{filename="/other.log", job="vllm", kept="yes", level="unknown", model="none"}', (), ()
    )


def test_a_level_from_the_path_is_one_of_the_levels(make_resolved: Make) -> None:
    made, _ = labeller(make_resolved(path_labels=r"/(?P<level>\w+)\.log"))
    assert made.stream("/logs/ERR.log", (), ()) == Stream('{level="error"}', (), ())
    assert made.stream("/logs/app.log", (), ()) == Stream("{}", (), ())


@pytest.mark.parametrize("metadata", [True, False])
def test_what_loki_would_refuse_becomes_metadata_where_there_is_some(make_resolved: Make, *, metadata: bool) -> None:
    made, _ = labeller(make_resolved(labels={f"l{number:02d}": "x" for number in range(14)}), metadata=metadata)
    long = "é" * 1025
    aside = (("long", long), ("two", "2")) if metadata else ()
    kept = ", ".join(f'l{number:02d}="x"' for number in range(14))
    assert made.stream(PATH, (), (("long", long), ("one", "1"), ("two", "2"))) == Stream(
        f'{{{kept}, one="1"}}', aside, ("label_too_long", "label_limit")
    )


def test_a_demoted_label_becomes_metadata_but_level_never(make_resolved: Make) -> None:
    made, _ = labeller(make_resolved(path_labels="(?P<model>model1)"))
    assert made.stream(PATH, ("level", "model", "user"), (("level", "info"), ("user", "7"))) == Stream(
        '{level="info"}', (("model", "model1"), ("user", "7")), ()
    )


def test_the_guard_names_a_label_once_when_it_has_too_many_values(make_resolved: Make) -> None:
    made, guard = labeller(make_resolved(labels={"job": "x"}, path_labels="(?P<model>model.)"), most=2)
    for number in range(1, 4):
        made.stream(f"/model{number}", (), (("user", "same"), ("level", f"level{number}")))
    assert (guard.newly_over(), guard.newly_over()) == (("model",), ())
    for number in range(3):
        made.stream("/model9", ("model",), (("user", f"{number}"),))
    assert guard.newly_over() == ("user",)


@pytest.mark.parametrize(
    ("name", "label"), [("level", "level"), ("service.name", "service_name"), ("1st", "_1st"), ("가", "_"), ("", "_")]
)
def test_names_of_fields_become_names_of_labels(name: str, label: str) -> None:
    assert label_name(name) == label


@given(
    st.dictionaries(st.sampled_from(["a", "b", "level", "filename"]), st.text(max_size=5), max_size=4),
    st.text(max_size=20),
    st.lists(st.sampled_from(["a", "b", "filename"]), unique=True).map(tuple),
)
def test_for_every_label_path_and_demotion_the_stream_is_the_same_again(
    make_resolved: Make, changes: dict[str, str], path: str, demoted: tuple[str, ...]
) -> None:
    resolved = make_resolved(labels={"job": "x"}, path_labels="(?P<part>a+)", filename_label=True)
    made, _ = labeller(resolved)
    again, _ = labeller(resolved)
    items = tuple(changes.items())
    assert made.stream(path, demoted, items) == made.stream(path, demoted, items) == again.stream(path, demoted, items)
