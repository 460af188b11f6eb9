"""`shipper check`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shipper.cli.check import check

GOOD = """\
[loki]
url = "http://user:hunter2@127.0.0.1:3100"
[agent]
data_dir = "data"
[labels]
env = "test"
[[source]]
name = "api"
type = "file"
paths = ["logs/*.log"]
labels = { job = "api" }
pipeline = "json"
"""
WRONG = '[loki]\nurll = "x"\n[[source]]\nname = "api"\ntype = "file"\npaths = "x"\n'


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/app.log").touch()


def run(text: str, *arguments: str) -> Result:
    Path("shipper.toml").write_text(text)
    return CliRunner().invoke(check, list(arguments))


def test_a_right_file_is_shown_with_its_sources():
    result = run(GOOD)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "source  pipeline  reads       labels\n"
        "api     json      logs/*.log  env=test, job=api\n"
        "shipper.toml: configuration is fine (1 source, 0 warnings)\n"
    )


def test_a_warning_is_told_and_leaves_the_exit_code_0():
    result = run(GOOD.replace("logs/*.log", "nowhere/*.log"))
    assert result.exit_code == 0
    assert result.stderr == (
        f"warning: source[0].paths[0]: nowhere/*.log matches nothing yet, seen from {Path.cwd()}; "
        "files are found when they appear\n"
    )
    assert result.stdout.endswith("shipper.toml: configuration is fine (1 source, 1 warning)\n")


def test_a_wrong_file_is_exit_code_2_with_every_mistake():
    result = run(WRONG)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: shipper.toml has 2 mistakes\n"
        '  shipper.toml:2: loki.urll: expected a known key, got "urll"; did you mean "url"?\n'
        '  shipper.toml:6: source[0].paths: expected a list of strings, none of them empty, got "x"; '
        'did you mean ["x"]?\n'
        "hint: Nothing was started; docs/configuration.md lists every key\n"
    )


def test_json_is_one_document_for_a_right_file():
    result = run(GOOD.replace("logs/*.log", "nowhere/*.log"), "--json")
    seen = f"seen from {Path.cwd()}; files are found when they appear"
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "ok": True,
        "problems": [],
        "warnings": [
            {
                "key": "source[0].paths[0]",
                "message": f"nowhere/*.log matches nothing yet, {seen}",
            }
        ],
    }


def test_json_is_one_document_for_a_wrong_file():
    result = run(WRONG.replace('paths = "x"', 'paths = ["x"]'), "--json")
    assert (result.exit_code, result.stderr) == (2, "")
    assert json.loads(result.stdout) == {
        "ok": False,
        "problems": [
            {
                "file": "shipper.toml",
                "line": 2,
                "key": "loki.urll",
                "message": 'expected a known key, got "urll"; did you mean "url"?',
            }
        ],
        "warnings": [],
    }


def test_its_own_config_option_wins_over_the_groups():
    Path("other.toml").write_text(GOOD)
    result = CliRunner().invoke(check, ["-c", "other.toml"], obj={"config": Path("missing.toml")})
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (
        0,
        "other.toml: configuration is fine (1 source, 0 warnings)",
    )


def test_the_groups_config_is_taken_without_one_of_its_own():
    result = CliRunner().invoke(check, [], obj={"config": Path("missing.toml")})
    assert (result.exit_code, result.stderr) == (
        2,
        "error: missing.toml: cannot be read: No such file or directory\n"
        "hint: create it, or name another one with --config\n",
    )


def test_no_secret_is_shown():
    results = (run(GOOD), run(GOOD, "--json"), run(GOOD.replace("[agent]", "x = 1\n[agent]")))
    assert "hunter2" not in "".join(result.output for result in results)


def test_nothing_is_written():
    run(GOOD)
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["logs", "shipper.toml"]
