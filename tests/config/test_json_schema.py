"""The schema takes what `shipper check` takes, and refuses what a schema can refuse."""

from __future__ import annotations

import copy
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.config.amounts import DURATION_PATTERN, SIZE_PATTERN, parse_duration, parse_size
from shipper.config.json_schema import json_schema
from shipper.config.loading import examine_text
from shipper.config.mistakes import Wrong
from shipper.config.model import STAGES, Agent, DockerSource, FileSource, Loki, Multiline
from shipper.config.schema import Kind, keys_of
from shipper.config.written import written

ROOT = Path(__file__).parents[2]
SOURCE = '[[source]]\nname = "a"\ntype = "file"\npaths = ["*.log"]\nlabels = { job = "a" }\n'
DOCKER = '[[source]]\nname = "a"\ntype = "docker"\n'
SCHEMA = json_schema()
TOP = SCHEMA["properties"]
FENCED = re.compile(r"```toml\n(.*?)```", re.DOTALL)
EXAMPLES = [
    (str(path.relative_to(ROOT)), number, text)
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for number, text in enumerate(FENCED.findall(path.read_text()))
]


def mistakes(document: dict[str, Any], *, whole: bool = True) -> list[str]:
    """What the schema has against a document; a part of one needs no source."""
    schema = copy.deepcopy(SCHEMA)
    if not whole:
        del schema["required"]
    validator = jsonschema.Draft202012Validator(schema)
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)]


def accepted(text: str) -> bool:
    """Whether the shipper itself takes a text."""
    return not examine_text(text.encode(), "f", {}).problems


def test_it_is_a_schema_and_no_keyword_in_it_differs_between_drafts() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft4Validator.check_schema(SCHEMA)
    keywords: set[str] = set()

    def walk(value: Any, *, names: bool) -> None:
        if isinstance(value, dict):
            keywords.update(() if names else value)
            for name, inner in value.items():
                if name != "default":
                    walk(inner, names=name in ("properties", "patternProperties") and not names)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, names=False)

    walk(SCHEMA, names=False)
    assert keywords == {
        *("$schema", "title", "description", "default", "type", "enum", "pattern", "maxLength"),
        *("properties", "patternProperties", "additionalProperties", "required", "minProperties"),
        *("items", "minItems", "minimum", "maximum", "anyOf", "oneOf"),
    }


def test_the_shipped_file_is_right() -> None:
    assert mistakes(tomllib.loads((ROOT / "shipper.toml").read_text())) == []


def test_there_are_examples() -> None:
    assert {name for name, _, _ in EXAMPLES} >= {"README.md", "docs/docker.md"}


@pytest.mark.parametrize(("name", "number", "text"), EXAMPLES, ids=[f"{name} {number}" for name, number, _ in EXAMPLES])
def test_every_example_of_the_documentation_is_right(name: str, number: int, text: str) -> None:
    document = tomllib.loads(text)
    if not set(document) & set(TOP):  # some keys of a source
        document = {"source": [{"name": "a", "type": "docker", **document}]}
    assert mistakes(document, whole="source" in document) == []


RIGHT = (
    SOURCE,
    DOCKER,
    f'{SOURCE}multiline = "vllm"\n',
    f"{SOURCE}multiline = {{ start = '^\\S', max_wait = \"1s\" }}\n",
    f'{SOURCE}[loki]\nbatch_bytes = 4096\nbatch_wait = "1h30m"\nmax_age = 0\ntimeout = "${{T:-10s}}"\n',
    f'{SOURCE}[loki]\nurl = "${{LOKI:-http://x}}"\nverify = "${{V:-auto}}"\nheaders = {{ X-A = "b" }}\n',
    f'{SOURCE}[agent]\nlisten = ""\nlog = {{ level = "debug" }}\n[labels]\n"_a" = ""\n',
    f'{SOURCE}pipeline = "own"\n[[pipeline.own]]\nstage = "json"\nmessage = "msg"\n'
    '[[pipeline.own]]\nstage = "labels"\nfrom = { app = "a b" }\n[[pipeline.own]]\nstage = "labels"\nfrom = "level"\n'
    '[[pipeline.own]]\nstage = "drop"\nfield = "a"\nvalue = ["x"]\n[[pipeline.own]]\nstage = "keep"\npattern = "x"\n'
    '[[pipeline.own]]\nstage = "tenant"\nvalue = "t"\n[[pipeline.own]]\nstage = "limit"\nrate = 5\n'
    "[[pipeline.own]]\nstage = \"regex\"\npattern = '''(?P<a>x)\n(?P<b>y)'''\n",
    f'{DOCKER}name_pattern = "a-(.*)"\n'
    'include = { names = ["a.*"], labels = ["x=y"] }\nlabel_map = { "a.b" = "c" }\n',
)
WRONG = {
    "unknown section": f"{SOURCE}[lokki]\n",
    "no source": "[loki]\n",
    "a table for a list": '[source]\nname = "a"\n',
    "unknown key": f'{SOURCE}[loki]\nulr = "http://x"\n',
    "another agent's key": f'{SOURCE}path = "x"\n',
    "a key of the other type": f'{DOCKER}paths = ["x"]\n',
    "unknown type": SOURCE.replace('"file"', '"flie"'),
    "no type": SOURCE.replace('type = "file"\n', ""),
    "no name": SOURCE.replace('name = "a"\n', ""),
    "an empty name": SOURCE.replace('name = "a"', 'name = " "'),
    "no paths": SOURCE.replace('["*.log"]', "[]"),
    "a string for a list": SOURCE.replace('["*.log"]', '"*.log"'),
    "several destinations": f'{SOURCE}to = ["eu"]\n',
    "a destination": f'{SOURCE}[loki.eu]\nurl = "http://x"\n',
    "a duration without unit": f'{SOURCE}[loki]\nbatch_wait = "10"\n',
    "a number for a duration": f"{SOURCE}[loki]\nbatch_wait = 10\n",
    "a unit that is none": f'{SOURCE}[loki]\nbatch_bytes = "1 MX"\n',
    "too large a number of bytes": f"{SOURCE}[loki]\nbatch_bytes = 4000000\n",
    "too small a count": f"{SOURCE}[loki]\nmax_in_flight = 0\n",
    "a word that is none of those": f'{SOURCE}[agent]\nlog = {{ level = "warn" }}\n',
    "a flag in quotes": f'{SOURCE}keep_blank_lines = "true"\n',
    "a url without scheme": f'{SOURCE}[loki]\nurl = "localhost:3100"\n',
    "a port alone": f'{SOURCE}[agent]\nlisten = "12345"\n',
    "a tenant that is none": f'{SOURCE}[loki]\ntenant = "a b"\n',
    "a socket's path": f'{DOCKER}host = "/var/run/docker.sock"\n',
    "a label's name": f'{SOURCE}[labels]\n"my-label" = "x"\n',
    "a reserved label": f'{SOURCE}[labels]\n__name__ = "x"\n',
    "a number for a label": f"{SOURCE}[labels]\nshard = 3\n",
    "a pattern without groups": f"{SOURCE}path_labels = 'model'\n",
    "an unknown preset": f'{SOURCE}multiline = "pyhton"\n',
    "preset and start": f"{SOURCE}multiline = {{ preset = \"vllm\", start = 'x' }}\n",
    "an unknown stage": f'{SOURCE}[[pipeline.own]]\nstage = "jsno"\n',
    "no stage": f'{SOURCE}[[pipeline.own]]\nfrom = "x"\n',
    "a stage's unknown key": f'{SOURCE}[[pipeline.own]]\nstage = "decolorize"\nfrom = "x"\n',
    "a stage without its key": f'{SOURCE}[[pipeline.own]]\nstage = "regex"\n',
    "drop without a rule": f'{SOURCE}[[pipeline.own]]\nstage = "drop"\n',
    "a tenant from nowhere": f'{SOURCE}[[pipeline.own]]\nstage = "tenant"\n',
    "a rate above all": f'{SOURCE}[[pipeline.own]]\nstage = "sample"\nrate = 1.5\n',
}


@pytest.mark.parametrize("text", RIGHT)
def test_what_the_shipper_takes_the_schema_takes(text: str) -> None:
    assert accepted(text)
    assert mistakes(tomllib.loads(text)) == []


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_both_refuse(name: str) -> None:
    assert not accepted(WRONG[name])
    assert mistakes(tomllib.loads(WRONG[name])) != []


SOURCES = TOP["source"]["items"]["anyOf"]
TABLES: dict[Any, dict[str, Any]] = {
    Loki: TOP["loki"],
    Agent: TOP["agent"],
    FileSource: SOURCES[0],
    DockerSource: SOURCES[1],
    Multiline: SOURCES[0]["properties"]["multiline"]["anyOf"][1],
    **dict(zip(STAGES, TOP["pipeline"]["additionalProperties"]["items"]["anyOf"], strict=True)),
}


@pytest.mark.parametrize("table", TABLES)
def test_every_key_is_there_with_its_sentence_and_its_default_is_right(table: Any) -> None:
    keys = {name: key for name, key in keys_of(table).items() if key.kind is not Kind.DESTINATIONS}
    assert set(TABLES[table]["properties"]) - {"stage", "type"} == set(keys)
    for name, key in keys.items():
        schema = TABLES[table]["properties"][name]
        assert schema["description"].startswith(key.sentence)
        if not key.required and key.default not in (None, ()) and key.kind is not Kind.TABLE:
            assert schema["default"] == written(key.kind, key.default)
            jsonschema.validate(schema["default"], schema)


AMOUNTS = st.from_regex(r"\A[0-9]{1,3}(\.[0-9]{1,2})? ?[a-zA-Zµ]{0,3}([0-9]{1,2}[a-z]{1,2})?\Z")


@given(AMOUNTS)
def test_the_patterns_of_amounts_are_those_of_their_readers(text: str) -> None:
    for pattern, parse in ((DURATION_PATTERN, parse_duration), (SIZE_PATTERN, parse_size)):
        try:
            parse(text)
        except Wrong:
            right = False
        else:
            right = True
        assert (re.fullmatch(pattern, text) is not None) == right
