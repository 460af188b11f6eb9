"""`shipper doctor` as it is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from shipper.devloki.server import serve
from shipper.doctor import reach

if TYPE_CHECKING:
    from conftest import Place


def test_every_hop_is_a_line_with_a_mark_and_a_word_and_what_is_wrong_stands_below(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "LOKI_PORT", 1)  # on the usual one something may listen here
    place.configure("http://127.0.0.1:1")
    result = place.shipper("doctor")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    at = lines.index("loki http://127.0.0.1:1")
    assert lines[at + 1 : at + 6] == [
        "  ✓ ok       name          127.0.0.1",
        "  ✗ broken   connect       127.0.0.1:1",
        "      ✗ nothing listens on 127.0.0.1:1 (Connection refused)",
        "        → start Loki, or correct host and port in loki.url (Loki listens on 1 unless told otherwise)",
        "  - untried  ready         there is no connection",
    ]
    assert "source app  (file, pipeline plaintext)" in lines
    assert lines[-2:] == [
        "✗ the connection to Loki is the problem, for every source: connect: nothing listens on 127.0.0.1:1 "
        "(Connection refused)",
        "! app: files and lines are fine, have a look at position",
    ]


def test_as_json_it_is_one_document(place: Place) -> None:
    with serve() as receiver:
        place.configure(receiver.url)
        result = place.shipper("doctor", "--json")
    document = orjson.loads(result.stdout)
    assert (result.exit_code, document["ok"]) == (0, True)
    assert [(section["part"], section["title"]) for section in document["sections"]] == [
        ("agent", "agent"),
        ("loki", receiver.url),
        ("source", "app"),
    ]
    hops = {hop["name"]: hop for hop in document["sections"][2]["hops"]}
    assert hops["read back"]["state"] == "ok"
    assert hops["position"]["findings"] == [
        {
            "what": "Loki did not take some lines, which are kept as dead letters: too_old 1, labels 1",
            "cure": "shipper dead-letters list --source app (each with why; `replay` sends them)",
            "broken": False,
        }
    ]
    assert [verdict["state"] for verdict in document["verdicts"]] == ["look"]


def test_only_the_sources_asked_for_are_looked_at(place: Place) -> None:
    with (place.root / "shipper.toml").open("a") as file:
        file.write('[[source]]\nname = "other"\ntype = "file"\npaths = ["/nowhere/*.log"]\nlabels = { job = "o" }\n')
    document = place.json("doctor", "--source", "other")
    assert [section["title"] for section in document["sections"] if section["part"] == "source"] == ["other"]
    result = place.shipper("doctor", "--source", "ohter")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: there is no source 'ohter'\nhint: the configuration has app, other\n"


def test_a_wrong_configuration_is_told_as_by_check(place: Place) -> None:
    (place.root / "shipper.toml").write_text('[loki]\nurll = "x"\n')
    result = place.shipper("doctor")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == place.shipper("run", "--once").stderr


def test_secrets_are_masked_and_control_characters_shown(place: Place) -> None:
    place.configure("http://user:hunter2@127.0.0.1:1")
    (place.root / "bad\x1b.log").mkdir()
    result = place.shipper("doctor")
    assert "hunter2" not in result.stdout
    assert "\x1b" not in result.stdout
    assert r"bad\x1b.log: not_a_regular_file" in result.stdout
