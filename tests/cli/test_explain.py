"""`shipper explain` end to end: files and containers, positions, lines, and nothing changed by asking."""

from __future__ import annotations

import json
import re
import socketserver
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

if TYPE_CHECKING:
    from conftest import Place

TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z")
SHOWN = """\
{log}: 34 bytes, changed TIME

== app: shipped

  paths '{root}/*.log' means it
  journal: {log}: 34 of 34 bytes settled, 0 left

  1 line at byte 11:
      second line
    source        labels of the configuration and of where it is from
    time          no time of its own: the time it is read at
  as Loki gets it:
    TIME  {{filename="{log}", job="app"}}
      the line as it is
"""


def test_a_file_that_is_shipped_is_told_with_its_position_and_a_line(place: Place) -> None:
    result = place.shipper("explain", str(place.log), "--line", "2")
    assert (result.exit_code, TIME.sub("TIME", result.stdout)) == (0, SHOWN.format(log=place.log, root=place.root))


def test_the_last_line_is_told_if_none_is_named_and_a_text_instead_of_both(place: Place) -> None:
    asked = (place.json("explain", str(place.log), *more) for more in ((), ("--text", "a\nb")))
    lines = [[record["entry"]["text"] for record in one["sources"][0]["lines"]["records"]] for one in asked]
    assert lines == [["third line"], ["a", "b"]]


def test_the_document_has_all_of_it(place: Place) -> None:
    document = place.json("explain", str(place.log))
    (told,) = document.pop("sources")
    assert document.pop("changed").startswith("2")
    assert document == {
        "what": str(place.log),
        "kind": "file",
        "size": 34,
        "nearest": [],
        "shipped": True,
        "add": "",
    }
    assert told["lines"]["offset"] == 23
    assert {**told, "lines": None} == {
        "source": "app",
        "shipped": True,
        "why": f"paths '{place.root}/*.log' means it",
        "cure": "",
        "journal": {"positions": place.json("positions")["positions"], "trouble": ""},
        "lines": None,
        "notes": [],
    }


def test_what_no_source_ships_is_told_with_the_nearest_and_what_to_write(place: Place) -> None:
    other = place.root / "app.txt"
    other.write_text("x\n")
    result = place.shipper("explain", str(other))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:] == [
        "No source ships it. The nearest:",
        "",
        "== app: not shipped",
        "",
        f"  '{place.root}/*.log' looks in its directory, but not for names like 'app.txt'",
        f'  ! to ship it: paths = ["{place.root}/*.log", "{place.root}/*.txt"]',
    ]


def test_where_no_source_is_near_a_whole_one_is_proposed_and_it_works(place: Place) -> None:
    far = place.root / "far" / "deep" / "out.json"
    far.parent.mkdir(parents=True)
    far.write_text("{}\n")
    config = place.root / "shipper.toml"
    config.write_text(config.read_text().replace("*.log", "none/*.log"))
    document = place.json("explain", str(far))
    assert (document["shipped"], document["sources"]) == (False, [])
    config.write_text(f"{config.read_text()}\n{document['add']}\n")
    assert [(one["source"], one["shipped"]) for one in place.json("explain", str(far))["sources"]] == [("deep", True)]


def test_a_word_that_is_no_file_may_be_a_container_that_no_source_reads(place: Place) -> None:
    document = place.json("explain", "mlops-api")
    assert (document["shipped"], document["sources"], document["nearest"]) == (False, [], [])
    config = place.root / "shipper.toml"
    config.write_text(f"{config.read_text()}\n{document['add']}\nhost = 'unix://{place.root}/docker.sock'\n")
    document = place.json("explain", "mlops-api")
    assert document["kind"] == "container"
    (told,) = document["sources"]
    assert (told["source"], told["shipped"]) == ("containers", False)
    assert f"{place.root}/docker.sock: docker_unreachable" in told["why"]
    assert place.json("explain", "mlops-api", "--source", "app")["add"] == ""


def test_every_source_that_ships_it_is_told_and_one_can_be_asked_alone(place: Place) -> None:
    config = place.root / "shipper.toml"
    second = f'\n[[source]]\nname = "raw"\ntype = "file"\npaths = ["{place.log}"]\nlabels = {{ job = "raw" }}\n'
    config.write_text(config.read_text() + second)
    assert [one["source"] for one in place.json("explain", str(place.log))["sources"]] == ["app", "raw"]
    assert [one["source"] for one in place.json("explain", str(place.log), "--source", "raw")["sources"]] == ["raw"]


def test_a_generation_that_the_journal_knows_is_shipped_though_no_glob_means_it(place: Place) -> None:
    import sqlite3

    moved = place.log.rename(place.root / "app.log.1")
    with sqlite3.connect(place.root / "data" / "journal.db") as database:
        database.execute("UPDATE generations SET seen_at = ?", (str(moved),))
    database.close()
    document = place.json("explain", str(moved))
    (told,) = document["sources"]
    assert told["why"] == f"it is known as a rotated generation of {place.log}, whose rest is shipped from here"
    assert told["lines"]["records"][0]["entry"]["labels"] == {"job": "app", "filename": str(place.log)}


def test_a_file_without_a_complete_line_is_told(place: Place) -> None:
    place.log.write_bytes(b"half a li")
    told = place.json("explain", str(place.log))["sources"][0]
    assert (told["shipped"], told["lines"]) == (True, None)
    assert told["notes"] == ["no line in it is complete and not blank yet; a line is shipped once it has an end"]


def test_sampling_and_demoted_labels_are_those_of_the_agent(place: Place) -> None:
    import sqlite3
    from hashlib import blake2b

    with sqlite3.connect(place.root / "data" / "journal.db") as database:
        ((identity,),) = database.execute("SELECT id FROM generations")
        database.execute("UPDATE sources SET demoted = '[\"word\"]'")
    database.close()
    drawn, other = (
        int.from_bytes(blake2b(f"{generation}:23".encode(), digest_size=8).digest(), "big") / 2**64
        for generation in (identity, 0)
    )
    place.configure(
        place.url,
        pipeline="own",
        stages=f"""
            [[pipeline.own]]
            stage = "regex"
            pattern = '(?P<word>\\w+)'
            [[pipeline.own]]
            stage = "labels"
            from = "word"
            [[pipeline.own]]
            stage = "sample"
            rate = {(drawn + other) / 2}
        """,
    )
    (record,) = place.json("explain", str(place.log))["sources"][0]["lines"]["records"]
    assert record["dropped"] == ("" if drawn < other else "sample")
    assert (record["stages"][2]["did"], record["stages"][2]["labels"]) == (
        "label word=third",
        {"job": "app", "filename": str(place.log)},
    )


def test_asking_changes_nothing_and_needs_no_journal(place: Place) -> None:
    import shutil

    shutil.rmtree(place.root / "data")
    before = sorted(path.name for path in place.root.rglob("*"))
    told = place.json("explain", str(place.log))["sources"][0]
    assert told["journal"] == {
        "positions": [],
        "trouble": f"there is no journal at {place.root}/data/journal.db",
    }
    assert sorted(path.name for path in place.root.rglob("*")) == before


def test_what_is_asked_wrongly_is_told(place: Place) -> None:
    asked = {
        ("--line", "99"): f"error: {place.log} has no line 99",
        ("--line", "1", "--text", "x"): "error: --line and --text are two answers to one question",
        ("--source", "ap"): "error: there is no source 'ap'",
    }
    for options, error in asked.items():
        result = place.shipper("explain", str(place.log), *options)
        assert (result.exit_code, result.stderr.splitlines()[0]) == (2, error)
    assert place.shipper("explain", str(place.root)).stderr.startswith(f"error: {place.root} is a directory")
    assert "nearest names" in place.shipper("explain", str(place.root / "app.lok")).stdout


def test_secrets_of_the_configuration_are_masked_and_the_log_is_not(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGS_SECRET", str(place.root))
    config = place.root / "shipper.toml"
    config.write_text(config.read_text().replace(f'["{place.root}/*.log"]', '["${LOGS_SECRET}/*.log"]'))
    place.log.write_text(f"{place.root}\n")
    (told,) = place.json("explain", str(place.log))["sources"]
    assert told["why"] == "paths '***/*.log' means it"
    assert told["lines"]["records"][0]["entry"]["text"] == str(place.root)
    assert told["lines"]["records"][0]["entry"]["labels"]["filename"] == "***/app.log"


def test_control_characters_of_a_log_never_reach_the_terminal(place: Place) -> None:
    place.log.write_bytes(b"\x1b[31mred\x1b]0;title\x07\n")
    shown = place.shipper("explain", str(place.log)).stdout
    assert "\x1b" not in shown
    assert "\\x1b[31mred" in shown


IDS = {"a" * 64: "mlops-api", "b" * 64: "mlops-loki"}


class Answers(BaseHTTPRequestHandler):
    """An engine with two containers, each of which wrote two lines."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer what is asked."""
        parts = urlsplit(self.path)
        words = parts.path.split("/")
        if words[-1] == "logs":
            stdout = "stdout=1" in parts.query or parse_qs(parts.query).get("stdout") == ["true"]
            body = _frame("first") + _frame('{"level":"warn","event":"hot"}') if stdout else b""
        else:
            body = json.dumps(self._document(words)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _document(self, words: list[str]) -> Any:
        if words[-1] == "version":
            return {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Components": [{"Name": "Engine"}]}
        if words[-2:] == ["containers", "json"]:
            return [{"Id": identity, "Names": [f"/{name}"], "State": "running"} for identity, name in IDS.items()]
        return {
            "Id": words[-2],
            "Name": f"/{IDS[words[-2]]}",
            "State": {"Running": True},
            "Config": {"Image": "app:1", "Labels": {"com.docker.compose.service": "api"}, "Tty": False},
            "HostConfig": {"LogConfig": {"Type": "json-file"}},
        }

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _frame(text: str) -> bytes:
    line = f"2026-11-21T08:11:22.000000001Z {text}\n".encode()
    return struct.pack(">BxxxL", 1, len(line)) + line


@pytest.fixture
def docker(place: Place, tmp_path: Path) -> Iterator[Place]:
    """The place with a source of containers beside its files."""
    socket = tmp_path / "docker.sock"
    server = socketserver.ThreadingUnixStreamServer(str(socket), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    config = place.root / "shipper.toml"
    config.write_text(
        f"""{config.read_text()}
        [[source]]
        name = "containers"
        type = "docker"
        host = "unix://{socket}"
        exclude = {{ names = ["mlops-loki"] }}
        name_pattern = "mlops-(.*)"
        """
    )
    try:
        yield place
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("name", ["mlops-api", "aaaa", "a" * 64])
def test_a_container_is_known_by_its_name_or_the_beginning_of_its_id(docker: Place, name: str) -> None:
    document = docker.json("explain", name)
    (told,) = document["sources"]
    assert (document["kind"], told["shipped"], told["why"]) == (
        "container",
        True,
        "its rules mean it: no include rules: every container",
    )
    (record,) = told["lines"]["records"]
    assert (record["entry"]["text"], record["entry"]["labels"]) == (
        '{"level":"warn","event":"hot"}',
        {"container": "api", "stream": "stdout", "compose_service": "api", "level": "warning"},
    )


def test_a_container_that_is_left_out_is_told_with_the_rule(docker: Place) -> None:
    result = docker.shipper("explain", "mlops-loki", "--text", "INFO: hello")
    assert result.exit_code == 1
    assert "its rules leave it out: exclude.names 'mlops-loki'" in result.stdout
    assert "take exclude.names 'mlops-loki' out" in result.stdout
    assert "{compose_service=" in result.stdout


def test_a_container_that_is_not_there_is_told_with_the_nearest_name(docker: Place) -> None:
    (told,) = docker.json("explain", "mlops-apo")["sources"]
    assert told["why"].endswith(
        "has no container 'mlops-apo', running or stopped; nearest names: mlops-api, mlops-loki"
    )
    assert docker.shipper("explain", "mlops-api", "--line", "3").stderr.startswith("error: --line counts")
