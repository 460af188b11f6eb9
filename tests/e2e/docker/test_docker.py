"""Containers of a real engine, shipped by the real agent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

SOURCE = """
[[source]]
name = "containers"
type = "docker"
host = "{host}"
pipeline = "plaintext"
exclude = {{ names = ["mlops-(loki|shipper|prometheus|grafana)"] }}
name_pattern = "mlops-(.*)"
{more}
"""
COMPOSE = {"com.docker.compose.service": "fastapi-server", "com.docker.compose.project": "docker"}


def source(docker: Any, more: str = "") -> str:
    return SOURCE.format(host=docker.host, more=more)


def eventually(check: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            pytest.fail(f"never came true within {seconds:.0f} s: {what}")
        time.sleep(0.05)


def test_the_queries_of_the_stack_find_a_container_and_its_neighbours_are_left_out(world: Any, docker: Any) -> None:
    docker.run("mlops-fastapi", "echo started; usleep 50000; echo trouble >&2", labels=COMPOSE)
    docker.wait(docker.run("mlops-loki", "echo never shipped"))
    world.configure(source(docker))
    assert world.run("run", "--once").returncode == 0
    world.expect(world.selector(container="fastapi"), ["started", "trouble"])
    world.expect(world.selector(compose_service="fastapi-server", compose_project="docker"), ["started", "trouble"])
    world.expect(world.selector(container="fastapi", stream="stderr"), ["trouble"])
    assert world.loki.count(world.selector()) == 2


def test_long_lines_terminals_and_unfinished_ends_arrive_whole(world: Any, docker: Any) -> None:
    long = "yes x | tr -d '\\n' | head -c 100000; echo; printf tail"
    for tty in (False, True):
        docker.wait(docker.run(f"mlops-tty-{tty}", f"echo first; {long}", tty=tty))
    world.configure(source(docker))
    assert world.run("run", "--once").returncode == 0
    for tty in (False, True):
        world.expect(world.selector(container=f"tty-{tty}"), ["first", "x" * 100_000, "tail"])


def test_a_container_that_lives_for_50_ms_and_is_removed_is_not_missed(world: Any, docker: Any) -> None:
    world.configure(source(docker))
    world.start()
    docker.run("mlops-first", "echo ready; sleep 600")
    world.expect(world.selector(container="first"), ["ready"])
    for number in range(5):
        docker.run(f"mlops-short-{number}", "echo begin; usleep 50000; echo end", remove=True)
    for number in range(5):
        world.expect(world.selector(container=f"short-{number}"), ["begin", "end"])


def test_nothing_is_lost_or_doubled_when_the_container_the_agent_and_the_engine_are_restarted(
    world: Any, docker: Any
) -> None:
    world.configure(source(docker))
    count = 'n=0; while [ $n -lt 40 ]; do echo "$RUN out $n"; echo "$RUN err $n" >&2; n=$((n+1)); usleep 20000; done'
    identity = docker.run("mlops-app", f'read -r RUN _ < /proc/uptime; {count}; printf "$RUN tail"')
    world.start()
    for act in ("restart", "kill agent", "restart engine", "stop"):
        time.sleep(0.5)
        if act == "restart":
            docker.call("POST", f"/containers/{identity}/restart?t=0")
        elif act == "kill agent":
            world.kill()
            world.start()
        elif act == "restart engine":
            docker.restart()
            docker.call("POST", f"/containers/{identity}/start")
    docker.wait(identity)
    written = sorted((stream, line) for stream in ("stdout", "stderr") for line in docker.lines(identity, stream))
    eventually(lambda: len(world.loki.entries(world.selector())) >= len(written), f"{len(written)} entries")
    world.settle(1.0)
    entries = world.loki.entries(world.selector())
    assert sorted((entry.labels["stream"], entry.text) for entry in entries) == written
    assert world.loki.count(world.selector()) == len(written)


def test_what_is_rotated_away_under_the_agent_s_eyes_arrives_once_and_in_order(world: Any, docker: Any) -> None:
    world.configure(source(docker))
    world.start()
    log = {"Type": "json-file", "Config": {"max-size": "40k", "max-file": "3"}}
    lines = 3000
    docker.run("mlops-busy", f'n=0; while [ $n -lt {lines} ]; do echo "line $n"; n=$((n+1)); [ $((n % 50)) = 0 ] && '
                             "usleep 50000; done", log=log)  # fmt: skip
    world.expect(world.selector(container="busy"), [f"line {number}" for number in range(lines)])


def test_the_same_service_from_its_file_and_from_docker_stays_apart_by_its_labels(world: Any, docker: Any) -> None:
    docker.wait(docker.run("mlops-fastapi", "echo hello", labels=COMPOSE))
    (world.logs / "app.log").write_text("hello\n")
    files = '[[source]]\nname = "files"\ntype = "file"\npaths = ["{logs}/*.log"]\nlabels = { job = "fastapi" }\n'
    world.configure(source(docker) + files)
    assert world.run("run", "--once").returncode == 0
    world.expect(world.selector(job="fastapi"), ["hello"])
    world.expect(world.selector(container="fastapi"), ["hello"])
    assert world.loki.count(world.selector()) == 2


def test_a_logging_driver_that_keeps_nothing_is_named_and_the_others_go_on(world: Any, docker: Any) -> None:
    docker.wait(docker.run("mlops-mute", "echo unheard", log={"Type": "none"}))
    docker.wait(docker.run("mlops-loud", "echo heard"))
    world.configure(source(docker))
    result = world.run("run", "--once", "--json")
    failures = {(failure["name"], failure["what"]) for failure in json.loads(result.stdout)["failures"]}
    assert (result.returncode, failures) == (
        1,
        {("docker_no_logs", "mlops-mute/stdout"), ("docker_no_logs", "mlops-mute/stderr")},
    )
    world.expect(world.selector(container="loud"), ["heard"])


def test_an_engine_that_is_not_there_is_named_files_go_on_and_it_is_found_when_it_comes(
    world: Any, docker: Any
) -> None:
    docker.wait(docker.run("mlops-app", "echo one"))
    docker.stop()
    (world.logs / "app.log").write_text("from a file\n")
    files = '[[source]]\nname = "files"\ntype = "file"\npaths = ["{logs}/*.log"]\nlabels = { job = "files" }\n'
    world.configure(source(docker) + files)
    world.start()
    world.expect(world.selector(job="files"), ["from a file"])
    eventually(lambda: "docker_unreachable" in world.agent_log(), "the failure is named")
    docker.start()
    world.expect(world.selector(container="app"), ["one"])
    eventually(lambda: "docker_unreachable_over" in world.agent_log(), "the failure is over")
    assert world.agent_log().count('"docker_unreachable"') == 1


def test_the_preview_names_the_rule_that_decides_on_each_container_and_its_labels(world: Any, docker: Any) -> None:
    docker.wait(docker.run("mlops-fastapi", "echo hello", labels=COMPOSE))
    docker.wait(docker.run("mlops-loki", "echo unseen"))
    world.configure(source(docker))
    result = world.run("--dry-run", "--json")
    (preview,) = json.loads(result.stdout)["sources"]
    labels = {"container": "fastapi", "compose_service": "fastapi-server", "compose_project": "docker"}
    decided = [(found["name"], found["included"], found["rule"], found["labels"]) for found in preview["containers"]]
    assert decided == [
        ("mlops-fastapi", True, "no include rules: every container", labels),
        ("mlops-loki", False, "exclude.names 'mlops-(loki|shipper|prometheus|grafana)'", {"container": "loki"}),
    ]
    assert [sample["line"] for sample in preview["samples"]] == ["hello"]
    assert preview["warnings"] == []
    (told,) = json.loads(world.run("explain", "mlops-fastapi", "--json").stdout)["sources"]
    (record,) = told["lines"]["records"]
    assert (told["why"], record["entry"]["text"]) == ("its rules mean it: no include rules: every container", "hello")
    assert world.loki.count(world.selector()) == 0
