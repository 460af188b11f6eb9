"""What one source's lines depend on, as JSON and back."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.config.model import (
    STAGES,
    Agent,
    Auto,
    Config,
    Detect,
    DockerSource,
    Drop,
    DropLabels,
    FileSource,
    Json,
    Labels,
    Limit,
    Loki,
    Multiline,
    Regex,
    Replace,
    ResolvedSource,
    Sample,
    StaticLabels,
    Timestamp,
    Truncate,
)
from shipper.config.resolve import decode_resolved, encode_resolved, epoch, resolve

VLLM = FileSource(
    name="vllm",
    paths=("logs/vllm/*.log",),
    labels={"job": "vllm", "env": "production", "host": ""},
    path_labels=r"(?P<model>model\d+)_",
    pipeline="plaintext",
    multiline=Multiline(preset="vllm"),
    timezone="Asia/Seoul",
    encoding="euc-kr",
    keep_blank_lines=True,
    max_label_values=7,
)


def test_a_source_is_resolved_with_all_that_decides_its_lines():
    config = Config(
        loki=Loki(max_age=1, max_ahead=2, too_old="drop", too_new="dead-letter", headers={"X": "hunter2"}),
        agent=Agent(max_line_bytes=4096),
        labels={"env": "development", "host": "h", "team": "t"},
        sources=(VLLM,),
    )
    assert resolve(config, VLLM) == ResolvedSource(
        name="vllm",
        type="file",
        labels={"env": "production", "job": "vllm", "team": "t"},
        path_labels=r"(?P<model>model\d+)_",
        filename_label=True,
        pipeline="plaintext",
        stages=(),
        multiline=Multiline(preset="vllm"),
        timezone="Asia/Seoul",
        encoding="euc-kr",
        keep_blank_lines=True,
        max_label_values=7,
        max_line_bytes=4096,
        max_age=1,
        max_ahead=2,
        too_old="drop",
        too_new="dead-letter",
    )
    assert b"hunter2" not in encode_resolved(resolve(config, VLLM))


def test_a_docker_source_is_resolved_with_the_way_to_its_labels():
    source = DockerSource(name="d", name_pattern="mlops-(.*)", label_map={"a.b": "a_b"})
    assert resolve(Config(sources=(source,)), source) == ResolvedSource(
        name="d", type="docker", labels={}, name_pattern="mlops-(.*)", label_map={"a.b": "a_b"}, stages=(Auto(),)
    )


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("plaintext", ()),
        ("json", (Json(message=("event", "message")), Timestamp(from_="timestamp", format=("auto",)),
                  Labels(from_={"level": "level"}))),
        ("text", (Detect(), Timestamp(from_="timestamp", format=("auto",)), Labels(from_={"level": "level"}))),
        ("auto", (Auto(),)),
    ],
)  # fmt: skip
def test_the_built_in_pipelines_are_written_out(name, stages):
    source = FileSource(name="a", paths=("x",), pipeline=name)
    assert resolve(Config(), source).stages == stages


def test_a_pipeline_of_ones_own_replaces_the_built_in_one_even_with_nothing():
    source = FileSource(name="a", paths=("x",), pipeline="json")
    assert resolve(Config(pipelines={"json": ()}), source).stages == ()


NAMES = st.text('abc한"\\\n', min_size=1, max_size=4)
LABELS = st.dictionaries(NAMES, NAMES, max_size=3)
STAGE = st.one_of(
    st.sampled_from([Detect(), Auto(), Json(), Drop(pattern="a"), DropLabels(names=("a", "b"))]),
    st.builds(Labels, from_=LABELS),
    st.builds(StaticLabels, labels=LABELS),
    st.builds(Regex, pattern=NAMES, from_=st.none() | NAMES),
    st.builds(Replace, pattern=NAMES, with_=NAMES),
    st.builds(Truncate, bytes=st.integers(64, 2**62)),
    st.builds(Sample, rate=st.floats(0, 1)),
    st.builds(Limit, rate=st.floats(0.001, 1e9)),
    st.builds(Timestamp, from_=NAMES, format=st.lists(NAMES, min_size=1).map(tuple)),
)
RESOLVED = st.builds(
    ResolvedSource,
    name=NAMES,
    type=st.sampled_from(["file", "docker"]),
    labels=LABELS,
    label_map=LABELS,
    path_labels=st.none() | NAMES,
    stages=st.lists(STAGE, max_size=4).map(tuple),
    multiline=st.none() | st.builds(Multiline, start=NAMES),
    max_age=st.integers(0, 2**62),
)


@given(RESOLVED)
def test_for_every_resolved_source_json_leads_back_to_it(resolved):
    assert decode_resolved(encode_resolved(resolved)) == resolved


@given(RESOLVED, RESOLVED)
def test_for_every_two_resolved_sources_epochs_are_equal_exactly_if_they_are(one, other):
    assert (epoch(one) == epoch(other)) == (one == other)


@given(RESOLVED)
def test_for_every_resolved_source_the_order_of_its_tables_does_not_matter(resolved):
    turned = msgspec.structs.replace(resolved, labels=dict(reversed(resolved.labels.items())))
    assert (encode_resolved(turned), epoch(turned)) == (encode_resolved(resolved), epoch(resolved))


def test_an_epoch_is_stable_between_versions():
    resolved = ResolvedSource(name="a", type="file", labels={"job": "a"})
    assert encode_resolved(resolved) == (
        b'{"name":"a","type":"file","labels":{"job":"a"},"path_labels":null,"filename_label":false,'
        b'"name_pattern":"(.*)","label_map":{},"pipeline":"auto","stages":[{"stage":"auto"}],"multiline":null,'
        b'"timezone":"UTC","encoding":"utf-8","keep_blank_lines":false,"max_label_values":200,'
        b'"max_line_bytes":262144,"max_age":604800000000000,"max_ahead":600000000000,'
        b'"too_old":"dead-letter","too_new":"restamp"}'
    )
    assert len(epoch(resolved)) == 16


def test_every_stage_has_a_name_of_its_own():
    assert [stage.__struct_config__.tag for stage in STAGES] == [
        "json", "logfmt", "regex", "detect", "timestamp", "labels", "static_labels", "drop_labels", "metadata",
        "output", "drop", "keep", "replace", "decolorize", "truncate", "sample", "limit", "tenant", "cri", "auto",
    ]  # fmt: skip
