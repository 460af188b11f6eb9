"""The reference is what the model says."""

import re
import tomllib
from pathlib import Path

from shipper.config import examples
from shipper.config.loading import examine
from shipper.config.model import (
    STAGES,
    Agent,
    Backoff,
    BasicAuth,
    DeadLetters,
    DockerRules,
    DockerSource,
    FileSource,
    Lines,
    Log,
    Loki,
    Multiline,
    Tls,
    Web,
)
from shipper.config.reference import reference
from shipper.config.schema import keys_of

ROOT = Path(__file__).parents[2]


def test_the_page_is_generated_from_the_model():
    assert (ROOT / "docs/configuration.md").read_text() == reference()


def test_every_key_of_every_table_is_on_the_page():
    page = reference()
    tables = (Loki, Agent, FileSource, DockerSource, Multiline, *STAGES)
    names = {name for table in tables for name in keys_of(table)}
    assert {name for name in names if f"| `{name}` |" not in page} == set()


def test_every_key_has_an_example():
    tables = {
        examples.LOKI + examples.OTHERWISE: (Loki, BasicAuth, Tls, Backoff),
        examples.AGENT: (Agent, Web, Log, DeadLetters),
        examples.EVERY_SOURCE: (Lines,),
        examples.FILES: (FileSource,),
        examples.CONTAINERS: (DockerSource, DockerRules),
        examples.MULTILINE: (Multiline,),
    }
    for example, structs in tables.items():
        written = set(re.findall(r"(?:^|[{,] )(\w+) = ", example, re.MULTILINE))
        inherited = set() if structs == (Lines,) else keys_of(Lines).keys()
        assert {name for struct in structs for name in keys_of(struct)} - inherited - {"to"} - written == set()


def test_every_key_of_a_stage_has_an_example():
    for stage in STAGES:
        example = examples.stage_example(str(stage.__struct_config__.tag))
        assert [key for key in keys_of(stage) if not re.search(rf"\b{key} = ", example)] == []


def test_every_sentence_is_a_sentence():
    tables = (Loki, Agent, FileSource, DockerSource, Multiline, *STAGES)
    sentences = [key.sentence for table in tables for key in keys_of(table).values()]
    assert [text for text in sentences if not text.endswith(".") or len(text) < 9] == []


def test_the_shipped_file_is_right_in_an_empty_environment():
    examined = examine(ROOT / "shipper.toml", {})
    assert examined.problems == ()
    assert examined.config is not None
    assert [
        (source.name, source.pipeline, source.multiline.preset if source.multiline else None)
        for source in examined.config.sources
    ] == [
        ("fastapi", "json", None),
        ("vllm", "plaintext", "vllm"),
        ("mlflow", "text", "python"),
        ("inference", "json", None),
        ("training", "auto", None),
        ("system", "text", None),
    ]


def test_the_shipped_file_takes_its_places_from_the_environment():
    environ = {"LOKI_URL": "http://loki:3100", "ENV": "production", "LOG_ROOT": "/logs", "SHIPPER_DATA_DIR": "/data"}
    config = examine(ROOT / "shipper.toml", {**environ, "HOSTNAME": "node1"}).config
    assert config is not None
    assert (config.loki.url, config.agent.data_dir, config.labels, config.sources[0].paths[0]) == (  # type: ignore[union-attr]
        "http://loki:3100",
        "/data",
        {"host": "node1", "env": "production"},
        "/logs/fastapi/*.log{,.[0-9]}",
    )


def test_the_shipped_file_explains_itself():
    lines = (ROOT / "shipper.toml").read_text().splitlines()
    assert tomllib.loads("\n".join(lines))["source"][0]["name"] == "fastapi"
    assert sum("#" in line for line in lines) * 3 > len(lines)
