"""What two configurations differ in, and what an agent that runs refuses to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.config.changes import Changes, changes
from shipper.config.loading import load, load_beside
from shipper.config.model import Config
from shipper.errors import ConfigError

BASE = """
[loki]
url = "http://loki:3100"
headers = { X-Key = "${KEY:-one}" }
[agent]
data_dir = "/state"
[labels]
env = "${ENV:-test}"
[[source]]
name = "app"
type = "file"
paths = ["logs/app.log"]
pipeline = "own"
[[source]]
name = "web"
type = "file"
paths = ["logs/web.log"]
labels = { env = "web" }
pipeline = "plaintext"
[[pipeline.own]]
stage = "drop"
pattern = "x"
"""


@pytest.fixture
def read(tmp_path: Path):
    def read(text: str = BASE, **environ: str) -> Config:
        path = tmp_path / "shipper.toml"
        path.write_text(text)
        return load(path, environ)

    return read


def test_a_file_that_stays_changes_nothing(read):
    assert changes(read(), read()) == Changes()
    assert not changes(read(), read())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('paths = ["logs/app.log"]', 'paths = ["logs/*.log"]', Changes(changed=("app",))),
        ('pattern = "x"', 'pattern = "y"', Changes(changed=("app",), keys=("pipeline.own",))),
        ("${ENV:-test}", "prod", Changes(changed=("app",), keys=("labels.env",))),
        ("[labels]", '[labels]\nhost = "h"', Changes(changed=("app", "web"), keys=("labels.host",))),
        ('name = "web"', 'name = "site"', Changes(added=("site",), removed=("web",))),
        ("http://loki:3100", "http://other:3100", Changes(keys=("loki.url",))),
        ("${KEY:-one}", "two", Changes(keys=("loki.headers",))),
        (
            "[agent]",
            '[agent]\nlog = { level = "debug" }\nshutdown_timeout = "9s"',
            Changes(keys=("agent.log.level", "agent.shutdown_timeout")),
        ),
        (
            "[agent]",
            '[agent]\nmax_line_bytes = "1KiB"',
            Changes(changed=("app", "web"), keys=("agent.max_line_bytes",)),
        ),
        (
            'url = "http://loki:3100"',
            'url = "http://loki:3100"\nmax_age = "1h"',
            Changes(changed=("app", "web"), keys=("loki.max_age",)),
        ),
    ],
)
def test_each_change_is_named_with_the_sources_that_depend_on_it(read, old, new, expected):
    assert old in BASE
    assert changes(read(), read(BASE.replace(old, new))) == expected


def test_the_environment_is_part_of_the_configuration(read):
    assert changes(read(), read(ENV="prod", KEY="two")) == Changes(
        changed=("app",), keys=("loki.headers", "labels.env")
    )


def test_what_cannot_change_is_refused_with_its_line_beside_every_other_such_mistake(read, tmp_path):
    running = read()
    path = tmp_path / "shipper.toml"
    path.write_text(
        BASE.replace('data_dir = "/state"', 'data_dir = "/other"\nlisten = ""\nweb = { hosts = ["a"] }').replace(
            'type = "file"\npaths = ["logs/web.log"]', 'type = "docker"'
        )
    )
    with pytest.raises(ConfigError) as refused:
        load_beside(running, path, {})
    as_before = "as before: it changes only with a restart of the agent"
    assert refused.value.problems == (
        f'{path}:6: agent.data_dir: expected "/state" {as_before}',
        f'{path}:7: agent.listen: expected "127.0.0.1:12345" {as_before}',
        f"{path}:8: agent.web.hosts: expected a list {as_before}",
        f"{path}:18: source[1].type: expected the type as before: positions in files and in containers have nothing in "
        "common; give the source another name",
    )
    assert refused.value.hint == "Nothing was changed; the agent runs on as before"
