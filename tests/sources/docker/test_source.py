"""Containers' output, read once and in order, whatever happens to them, to the agent and to the engine."""

from __future__ import annotations

import random
import time
from typing import Any

from shipper.config.model import Multiline
from shipper.pipeline.multiline import compile_multiline
from shipper.sources.docker.frames import SECOND

COMPOSE = {"com.docker.compose.service": "fastapi-server", "com.docker.compose.project": "docker", "team": "ml"}


def test_both_streams_of_a_container_are_shipped_with_its_labels_and_docker_s_own_times(bench: Any) -> None:
    fastapi = bench.engine.run("mlops-fastapi", labels=COMPOSE)
    first = fastapi.write("out\n")
    second = fastapi.write("err\n", "stderr")
    bench.start(name_pattern="mlops-(.*)", label_map={"team": "team"}).settle()
    labels = 'compose_project="docker", compose_service="fastapi-server", container="fastapi"'
    assert bench.entries() == [
        (first, f'{{{labels}, stream="stdout", team="ml"}}', "out"),
        (second, f'{{{labels}, stream="stderr", team="ml"}}', "err"),
    ]


def test_a_log_is_read_in_order_first_and_then_followed(bench: Any) -> None:
    app = bench.engine.run("app").say("one")
    bench.start().settle()
    assert bench.engine.asked == [
        ("app", "stdout", False),
        ("app", "stderr", False),
        ("app", "stdout", True),
        ("app", "stderr", True),
    ]
    app.say("two", "three")
    bench.settle()
    assert bench.texts() == ["one", "two", "three"]


def test_a_container_just_started_is_followed_at_once(bench: Any) -> None:
    bench.engine.sightings = {}
    bench.start().settle()
    bench.engine.run("short", fresh=True).say("all it says").stop().remove()
    bench.settle()
    assert bench.engine.asked == []
    job = bench.engine.run("job", fresh=True)
    bench.settle(times=1)
    assert bench.engine.asked == [("job", "stdout", True), ("job", "stderr", True)]
    job.say("all it says").stop().remove()
    bench.settle()
    assert bench.texts(container="job") == ["all it says"]


def test_an_exited_container_is_read_to_its_end_with_what_it_left_unfinished_and_then_left_alone(bench: Any) -> None:
    app = bench.engine.run("app").say("one")
    app.write("tail")
    app.stop()
    bench.start().settle()
    assert bench.texts() == ["one", "tail"]
    asked = len(bench.engine.asked)
    assert bench.settle().source.caught_up()
    assert len(bench.engine.asked) == asked
    app.start().say("again")
    assert bench.settle().texts() == ["one", "tail", "again"]


def test_a_changed_source_goes_on_behind_what_it_handed_over_under_its_new_labels(bench: Any) -> None:
    bench.commits = False
    app = bench.engine.run("mlops-app").say("one", "two")
    bench.start().settle()
    app.say("three")
    bench.change(name_pattern="mlops-(.*)").settle()
    app.say("four")
    bench.settle()
    assert bench.texts(container="mlops-app") == ["one", "two"]
    assert bench.texts(container="app") == ["three", "four"]
    assert bench.replayed == 0
    assert bench.crash().settle().texts() == ["one", "two", "three", "four"]
    assert bench.replayed == len(bench.sent)


def test_nothing_is_missing_and_nothing_comes_twice_over_a_restart_of_the_agent(bench: Any) -> None:
    app = bench.engine.run("app").say("one", "two")
    bench.start().settle()
    app.say("three")
    assert bench.start().settle().texts() == ["one", "two", "three"]
    assert bench.replayed == 0


def test_what_was_open_when_the_agent_was_killed_is_made_again_the_same(bench: Any) -> None:
    app = bench.engine.run("app").say("one", "two")
    bench.start().settle()
    bench.commits = False
    app.say("three", "four")
    bench.settle()
    app.write("x" * 16384, at=bench.engine.now + 1)
    app.write("y\n", at=bench.engine.now + 1)
    bench.settle()
    app.say("five")
    bench.crash()
    bench.commits = True
    bench.settle()
    assert [text[:5] for text in bench.texts()] == ["one", "two", "three", "four", "xxxxx", "five"]
    assert bench.replayed == 2
    assert bench.crash().settle().replayed == 2


def test_a_replay_is_made_under_the_configuration_of_its_span(bench: Any) -> None:
    app = bench.engine.run("mlops-app").say("one")
    bench.commits = False
    bench.start().settle()
    bench.commits = True
    app.say("two")
    bench.start(name_pattern="mlops-(.*)").settle()
    assert (bench.texts(container="mlops-app"), bench.texts(container="app")) == (["one"], ["two"])
    assert bench.replayed == 1


def test_lines_sent_again_at_a_rotation_are_not_shipped_again(bench: Any) -> None:
    app = bench.engine.run("app").say("one", "two", "three")
    bench.start().settle()
    bench.engine.send(app, *app.log["stdout"][1:])
    app.say("four")
    assert bench.settle().texts() == ["one", "two", "three", "four"]


def test_what_docker_discarded_is_counted_and_named(bench: Any) -> None:
    app = bench.engine.run("app").say("one", "two")
    bench.start().settle()
    bench.close()
    app.say("three", "four")
    del app.log["stdout"][:3]
    bench.start().settle()
    assert bench.texts() == ["one", "two", "four"]
    assert (bench.unread, bench.failing()) == (1, {"docker_discarded": 1})


def test_open_spans_whose_lines_docker_discarded_are_given_up_and_named(bench: Any) -> None:
    app = bench.engine.run("app").say("one")
    bench.start().settle()
    bench.commits = False
    app.say("two")
    bench.settle()
    app.say("three")
    del app.log["stdout"][:2]
    bench.commits = True
    bench.crash().settle()
    assert bench.abandoned == 1
    assert bench.failing() == {"docker_discarded": 1, "replay_missing": 1}
    assert bench.texts() == ["one", "two", "three"]


def test_an_open_span_with_other_bytes_than_it_had_is_given_up_and_what_is_there_is_sent_as_new(bench: Any) -> None:
    app = bench.engine.run("app").say("one")
    bench.start().settle()
    bench.commits = False
    app.say("two", "three")
    bench.settle()
    del app.log["stdout"][1]
    bench.commits = True
    bench.crash().settle()
    assert (bench.abandoned, bench.replayed, bench.failing()) == (1, 0, {"replay_missing": 1})
    assert bench.texts() == ["one", "two", "three", "three"]
    assert len(set(bench.entries())) == 3, "with the same time, so Loki keeps one"


def test_a_replay_is_framed_as_it_was_the_first_time(bench: Any) -> None:
    bench.resolved["max_line_bytes"] = 64
    app = bench.engine.run("app")
    app.write("x" * 100 + "\n")
    bench.commits = False
    bench.start().settle()
    bench.commits = True
    bench.resolved["max_line_bytes"] = 1000
    bench.start().settle()
    assert (bench.replayed, [len(text.encode()) for text in bench.texts()]) == (1, [63])


def test_a_container_that_ran_and_ended_while_its_log_was_read_is_read_again(bench: Any) -> None:
    app = bench.engine.run("app").say("one").stop()
    bench.start()
    bench.engine.meanwhile.append(lambda: (app.start(), app.say("two"), app.stop()))
    assert bench.settle().texts() == ["one", "two"]
    assert bench.source.caught_up()


def test_a_container_that_ended_after_its_log_was_sent_is_read_once_more(bench: Any) -> None:
    app = bench.engine.run("app").say("one")
    bench.start()
    bench.engine.meanwhile.append(lambda: (app.say("two"), app.stop()))
    bench.step(1)
    assert bench.settle().texts() == ["one", "two"]
    assert bench.source.caught_up()


def test_a_container_that_vanished_and_came_back_goes_on_where_it_was_left(bench: Any) -> None:
    app = bench.engine.run("app").say("one")
    bench.start().settle()
    before, bench.engine.sightings = bench.engine.sightings, {}
    bench.engine.end(app, "broken")
    bench.settle(seconds=31)
    assert bench.source.extent().things == 0
    app.say("two")
    bench.engine.sightings = before
    assert bench.settle().texts() == ["one", "two"]
    bench.engine.sightings = {}
    bench.settle(seconds=31)
    bench.engine.sightings = before
    assert bench.start().settle().texts() == ["one", "two"]


def test_a_renamed_container_goes_on_under_its_new_name(bench: Any) -> None:
    app = bench.engine.run("before").say("one")
    bench.start().settle()
    app.rename("after").say("two")
    bench.settle()
    assert (bench.texts(container="before"), bench.texts(container="after")) == (["one"], ["two"])
    assert bench.start().settle().texts() == ["one", "two"]
    assert [position for position in bench.positions() if position[1]] == [
        ("before/stdout", 4, True),
        ("after/stdout", 4, False),
    ]


def test_a_container_renamed_while_the_agent_was_down_is_finished_under_its_old_name_first(bench: Any) -> None:
    app = bench.engine.run("before").say("one")
    bench.commits = False
    bench.start().settle()
    bench.commits = True
    bench.close()
    app.rename("after").say("two")
    bench.start().settle()
    assert (bench.texts(container="before"), bench.texts(container="after")) == (["one"], ["two"])
    assert bench.replayed == 1


def test_a_removed_container_is_read_to_its_end_and_forgotten(bench: Any) -> None:
    app = bench.engine.run("app").say("one")
    bench.start().settle()
    app.say("two").stop().remove()
    bench.settle()
    assert bench.texts() == ["one", "two"]
    assert bench.positions() == [("app/stdout", 8, True), ("app/stderr", 0, True)]
    assert bench.source.extent().things == 0


def test_a_container_removed_while_the_agent_was_down_is_named(bench: Any) -> None:
    app = bench.engine.run("app").say("one")
    bench.start().settle()
    bench.close()
    app.stop().remove()
    bench.start().settle()
    assert bench.failing() == {"container_gone": 2}
    assert [finished for _, _, finished in bench.positions()] == [True, True]


def test_open_spans_of_an_excluded_container_are_still_settled_and_nothing_more(bench: Any) -> None:
    app = bench.engine.run("app").say("one")
    bench.commits = False
    bench.start().settle()
    bench.commits = True
    bench.close()
    app.say("two")
    bench.engine.changed(app, included=False)
    bench.start().settle()
    assert (bench.texts(), bench.replayed) == (["one"], 1)


def test_a_terminal_is_one_stream(bench: Any) -> None:
    app = bench.engine.run("app", tty=True)
    app.write("one\r\n")
    app.write("tail")
    app.stop()
    bench.start().settle()
    app.start().write("two\r\n")
    bench.settle()
    assert bench.texts(stream="stdout") == ["one", "tail", "two"]
    assert {stream for _, stream, _ in bench.engine.asked} == {"stdout"}


def test_start_at_end_leaves_out_what_is_there_and_takes_what_comes(bench: Any) -> None:
    app = bench.engine.run("app").say("old")
    bench.engine.tick()
    bench.start(start_at="end").settle()
    app.say("new")
    bench.engine.run("later").say("from its beginning")
    bench.settle()
    assert bench.texts() == ["new", "from its beginning"]
    assert bench.start().settle().texts() == ["new", "from its beginning"]


def test_records_of_several_lines_are_kept_together_until_they_are_due(bench: Any) -> None:
    bench.resolved["multiline"] = multiline = Multiline(start="^[^ ]", max_wait=3 * SECOND)
    bench.grouper = compile_multiline(multiline)
    app = bench.engine.run("app").say("a", " b")
    bench.start().settle(seconds=0.1)
    assert bench.texts() == []
    app.say(" c", "d")
    bench.settle(seconds=0.1)
    assert bench.texts() == ["a\n b\n c"]
    assert bench.settle(seconds=3, times=2).texts() == ["a\n b\n c", "d"]


def test_an_engine_that_goes_away_is_asked_again_and_nothing_is_lost(bench: Any) -> None:
    app = bench.engine.run("app").say("one")
    bench.start().settle()
    bench.engine.down = True
    bench.engine.end(None, "broken", detail="connection reset")
    bench.settle()
    app.say("two")
    bench.engine.down = False
    assert bench.settle(seconds=40, times=3).texts() == ["one", "two"]


def test_a_log_that_cannot_be_read_is_named_and_the_others_go_on(bench: Any) -> None:
    mute = bench.engine.run("mute")
    other = bench.engine.run("other").say("one")
    bench.start().settle()
    bench.engine.end(mute, "broken", failure="docker_no_logs", detail="501")
    other.say("two")
    bench.step()
    assert (bench.texts(), bench.failing()) == (["one", "two"], {"docker_no_logs": 2})


def test_with_no_budget_nothing_is_asked_for_and_nothing_taken(bench: Any) -> None:
    bench.engine.run("app").say("one")
    bench.start()
    for _ in range(3):
        assert bench.step(0).chunks == []
    assert bench.engine.asked == []


def test_a_container_just_started_is_asked_for_though_nothing_is_read_for_it_may_be_gone_soon(bench: Any) -> None:
    bench.engine.sightings = {}
    bench.start()
    bench.step(0)
    job = bench.engine.run("job", fresh=True)
    bench.step(0)
    job.say("all it says").stop().remove()
    for _ in range(3):
        assert bench.step(0).chunks == []
    assert bench.settle().texts(container="job") == ["all it says"]


def test_streams_take_turns(bench: Any) -> None:
    for name in "abc":
        script = bench.engine.run(name)
        for number in range(3):
            script.write(f"{name}{number}\n")
    bench.start()
    seen = []
    while not bench.source.caught_up() and len(seen) < 20:
        bench.step(1)
        seen.append(len(bench.texts()))
    assert [count for at, count in enumerate(seen) if count not in seen[:at]] == [3, 6, 9]


def test_a_run_that_ends_reads_what_there_is_and_names_what_is_unfinished(bench: Any) -> None:
    bench.once = True
    app = bench.engine.run("app").say("one")
    app.write("tail")
    bench.start().settle()
    assert (bench.texts(), bench.source.caught_up()) == (["one"], True)
    assert bench.source.pending_rest() == [("app/stdout", 4, 4)]
    assert not any(followed for *_, followed in bench.engine.asked)


def test_for_any_order_of_events_each_line_is_shipped_once_in_order(bench: Any) -> None:
    seed = time.time_ns() % 10**9
    print("seed", seed)
    chance, written, gone = random.Random(seed), {}, 0
    scripts = [bench.engine.run(f"c{number}") for number in range(4)]
    bench.start()
    for number in range(600):
        script = chance.choice(scripts)
        act = chance.random()
        if act < 0.6:
            stream = chance.choice(["stdout", "stderr"])
            script.say(f"{number}", stream=stream)
            written.setdefault((script.container.name, stream), []).append(f"{number}")
        elif act < 0.65:
            script.stop() if script.running else script.start()
        elif act < 0.7:
            bench.engine.end(None, chance.choice(["ended", "broken", "stalled"]))
        elif act < 0.75:
            bench.engine.send(script, *script.log["stdout"][-3:])
        elif act < 0.8:
            bench.commits = chance.random() < 0.5
        elif act < 0.84:
            bench.crash()
        elif act < 0.86 and gone < 20:
            gone += 1
            script.say("last").stop()
            written.setdefault((script.container.name, "stdout"), []).append("last")
            bench.commits = True
            bench.crash().settle(seconds=31, times=8)
            script.remove()
            bench.settle(times=1)
            scripts[scripts.index(script)] = bench.engine.run(f"d{number}")
        else:
            bench.settle(seconds=chance.choice([0.01, 0.3, 31]), times=1)
    bench.commits = True
    bench.crash().settle(seconds=31, times=10)
    read = {key: bench.texts(container=key[0], stream=key[1]) for key in written}
    assert (read, bench.abandoned, bench.unread) == (written, 0, 0)
