"""Warnings about what is legal and likely to disappoint."""

from pathlib import Path

import pytest

from shipper.config.model import Agent, Config, DockerSource, FileSource, Json, Labels, Loki, Tls
from shipper.config.smells import Smell, matches, smells, without_braces


@pytest.fixture(autouse=True)
def _logs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs/deep").mkdir(parents=True)
    (tmp_path / "logs/deep/app.log").touch()


SOURCE = FileSource(name="a", paths=("logs/**/*.log",), labels={"job": "a"})
AGENT = Agent(data_dir="data")


def test_a_good_configuration_has_no_smell():
    assert smells(Config(agent=AGENT, sources=(SOURCE,))) == ()


def test_each_smell_says_what_will_happen(tmp_path):
    (tmp_path / "file").touch()
    config = Config(
        loki=Loki(url="http://loki.example", headers={"authorization": "Bearer x"}, tls=Tls(insecure_skip_verify=True)),
        agent=Agent(data_dir="file/data"),
        sources=(
            FileSource(
                name="a",
                paths=("nowhere/*.log",),
                labels={f"l{number}": "hunter2" if number == 3 else "x" for number in range(13)},
                path_labels="(?P<request_id>.)",
                pipeline="own",
            ),
            DockerSource(name="d", host=f"unix://{tmp_path}/docker.sock"),
            DockerSource(name="t", host="tcp://build-host:2375"),
        ),
        pipelines={"own": (Json(), Labels(from_={"user_id": "user", "status": "status"})), "unused": ()},
        secrets=("hunter2",),
    )
    too_many = "as a label makes a stream for each value; use a metadata stage, or search for it in the line"
    seen = f"seen from {Path.cwd()}; files are found when they appear"
    sought = "the engine is looked for until it is there"
    assert smells(config) == (
        Smell("loki.url", "http sends the password or token readable by everyone on the way; use https"),
        Smell("loki.tls.insecure_skip_verify", "any server is taken for Loki; name its authority in ca_file instead"),
        Smell("agent.data_dir", f"{tmp_path}/file is no directory, so the agent will not start; name another one"),
        Smell("source[0].paths[0]", f"nowhere/*.log matches nothing yet, {seen}"),
        Smell("source[0].path_labels", f"request_id {too_many}"),
        Smell(
            "source[0]",
            "with what its pipeline promotes it has 17 labels, and Loki takes 15; promote fewer fields, or have a "
            "drop_labels stage",
        ),
        Smell("source[0].labels.l3", "the value comes from a variable that is named like a secret; Loki shows it"),
        Smell("source[1].host", f"there is no socket {tmp_path}/docker.sock now; {sought}"),
        Smell("source[2].host", "whoever reaches this port is root on that host; use https:// with tls"),
        Smell("pipeline.own[1].from", f"user_id {too_many}"),
        Smell("pipeline.unused", "no source uses it"),
    )  # fmt: skip


def test_a_token_on_loopback_is_no_smell():
    loki = Loki(url="http://u:p@localhost:3100")
    assert smells(Config(loki=loki, agent=AGENT, sources=(SOURCE,))) == ()


@pytest.mark.parametrize(
    ("pattern", "plain"),
    [
        ("a/*.log", ["a/*.log"]),
        ("a/{b,c}.{x,y}", ["a/b.x", "a/b.y", "a/c.x", "a/c.y"]),
        ("{a,{b,c}}", ["a", "b", "a", "c"]),
        ("a{}", ["a"]),
    ],
)
def test_braces_stand_for_several_globs(pattern, plain):
    assert list(without_braces(pattern)) == plain


@pytest.mark.parametrize(
    ("pattern", "found"), [("logs/**/*.log", True), ("{x,logs}/*/app.*", True), ("logs/*.log", False), ("**/x", False)]
)
def test_a_glob_matches_what_is_there(pattern, found):
    assert matches(pattern) == found
