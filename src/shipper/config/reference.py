"""docs/configuration.md, written from the model: `python -m shipper.config.reference > docs/configuration.md`.

Rule 1: every key, its values, its default and its sentence come from the model; the words around them are here, and the
        examples in examples.py.
"""

from __future__ import annotations

import json
import sys
from typing import Final

import msgspec

from shipper.config import examples
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
from shipper.config.schema import Key, Kind, keys_of
from shipper.config.written import limits, sentences, written

_HEAD: Final = """\
# Configuration reference

`shipper.toml` is TOML. This page is generated from the program's own model of it, so it is complete and true.
`shipper check` validates a file and reports every mistake at once, each with its line; `shipper --dry-run` shows what
the configuration makes of your logs without sending anything.

## How values are written

- **Durations**: `"500ms"`, `"10s"`, `"1h30m"`, with the units ns, us, ms, s, m, h, d, w. `"0"` needs no unit.
- **Sizes**: `"256KiB"`, `"1MiB"` (powers of 1024), `"1MB"` (powers of 1000), or a number of bytes.
- **Variables**: in every string value, `${NAME}` is the environment variable and `${NAME:-default}` the default if it
  is not set or empty. `$${` stands for the characters `${`. `HOSTNAME` is the host's name where it is not set. Keys are
  not replaced, and a value cannot change the structure of the file.
- **Patterns** are RE2, as in Loki and Alloy: no look-around, no back-references. Write them in single quotes, where a
  backslash is itself. They are searched, so anchor them with `^` and `$`, unless the key says that they match the
  whole.
- **Paths** that are relative are seen from the directory shipper is started in.
- **Secrets** belong in files (`password_file`, `bearer_token_file`; one newline at the end is ignored). Headers, users
  in URLs, and values of variables named like secrets (PASS, TOKEN, SECRET, KEY, AUTH, …) are masked wherever text is
  shown.
"""

_EDITOR: Final = """\
## In your editor

`shipper schema` prints a JSON Schema of this file. Editors with Even Better TOML (VS Code) or taplo (Neovim, Emacs,
Helix and others) then complete keys, show these sentences, and mark what is wrong while you type:

    shipper schema > shipper.schema.json

and in the first line of `shipper.toml`:

    #:schema ./shipper.schema.json

Or for all files of that name, in VS Code's settings:

    "evenBetterToml.schema.associations": { "shipper\\\\.toml$": "file:///path/to/shipper.schema.json" }

What lies between keys, and whether patterns, zones and files are right, `shipper check` alone can tell.
"""

_LABELS: Final = """\
## `[labels]`

Labels of every line: names and string values. A source's labels win over these, fields promoted by its pipeline over
both. An empty value removes a label. Loki takes at most 15 labels; names are `[a-zA-Z_][a-zA-Z0-9_]*`, and those that
begin with two underscores are reserved.
"""

_SOURCES: Final = """\
## `[[source]]`

One table for each source, with `type = "file"` or `type = "docker"`; [docker.md](docker.md) tells more of the second.
"""

_PIPELINES: Final = """\
## `[[pipeline.NAME]]`

A pipeline is a list of stages; a line takes them in order. A stage reads and writes the line's text, its fields,
labels, structured metadata and time. Four pipelines are built in; writing one of the same name replaces it.

| pipeline | stages |
| --- | --- |
| `plaintext` | none: the line as it is, at the time it was read |
| `json` | `json`, `timestamp` from `timestamp`, `labels` from `level` |
| `text` | `detect`, `timestamp` from `timestamp`, `labels` from `level` |
| `auto` | `json` if the line is a JSON object, else `text` |

The entry's text stays the line, byte for byte, unless a stage (`output`, `replace`, `decolorize`, `truncate`, `cri`)
changes it. The label `level` is one of trace, debug, info, warning, error, critical; other spellings are mapped to
these, and what is none of them makes no label.

## Stages
"""

_TAIL: Final = """\
## Reserved

`[loki.NAME]` and a source's `to = ["NAME"]` are reserved for several destinations: not yet.
"""


def reference() -> str:
    """The whole page."""
    parts = [
        _HEAD,
        _EDITOR,
        _section("## `[loki]`", Loki, example=examples.LOKI),
        _fence(examples.OTHERWISE),
        _section("### `loki.basic_auth`", BasicAuth),
        _section("### `tls` of `[loki]` and of a Docker source", Tls),
        _section("### `loki.backoff`", Backoff),
        _section("## `[agent]`", Agent, example=examples.AGENT),
        _section("### `agent.web`", Web),
        _section("### `agent.log`", Log),
        _section("### `agent.dead_letters`", DeadLetters),
        _LABELS,
        _fence(examples.LABELS),
        _SOURCES,
        _section("### Every source", Lines, example=examples.EVERY_SOURCE),
        _section('### `type = "file"`', FileSource, without=Lines, example=examples.FILES),
        _section('### `type = "docker"`', DockerSource, without=Lines, example=examples.CONTAINERS),
        _section("### `include` and `exclude` of containers", DockerRules),
        _section("### `multiline`", Multiline, example=examples.MULTILINE),
        _PIPELINES,
        *map(_stage, STAGES),
        _TAIL,
    ]
    return "\n".join(parts)


def _stage(stage: type[msgspec.Struct]) -> str:
    name = str(stage.__struct_config__.tag)
    return _section(f"### `{name}`", stage, example=examples.stage_example(name))


def _section(
    heading: str, table: type[msgspec.Struct], without: type[msgspec.Struct] | None = None, example: str = ""
) -> str:
    """A heading, the table's own sentences, its keys, and an example of them."""
    inherited = keys_of(without) if without else {}
    keys = [key for name, key in keys_of(table).items() if name not in inherited]
    lines = [heading, "", sentences(table)]
    if keys:
        lines += ["", "| key | value | default | meaning |", "| --- | --- | --- | --- |", *map(_row, keys)]
    return "\n".join((*lines, "", _fence(example)) if example else (*lines, ""))


def _fence(example: str) -> str:
    return f"```toml\n{example}```\n"


def _row(key: Key) -> str:
    cells = (f"`{key.name}`", _values(key), _default(key), key.sentence)
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _values(key: Key) -> str:
    if key.kind is Kind.CHOICE:
        return ", ".join(f'`"{choice}"`' for choice in key.choices)
    return f"{key.kind}{limits(key)}"


def _default(key: Key) -> str:
    if key.required:
        return "**required**"
    if key.kind in (Kind.TABLE, Kind.DESTINATIONS) or key.default is None:
        return "see below" if key.default is not None and key.kind is Kind.TABLE else ""
    return f"`{json.dumps(written(key.kind, key.default))}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
