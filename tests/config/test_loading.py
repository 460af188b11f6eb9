"""From the text of `shipper.toml` to a Config, or to every mistake in it."""

import errno
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.config.loading import Examination, examine, examine_text, load
from shipper.config.masking import describe
from shipper.config.model import (
    Agent,
    Backoff,
    BasicAuth,
    Config,
    DockerRules,
    DockerSource,
    Drop,
    FileSource,
    Json,
    Labels,
    Log,
    Loki,
    Multiline,
    Replace,
    Tls,
    Truncate,
)
from shipper.config.resolve import resolve
from shipper.config.schema import keys_of
from shipper.config.stages import STAGES
from shipper.errors import ConfigError
from shipper.pipeline.compile import compile_pipeline
from shipper.sources.file.globs import Excludes, parse
from shipper.sources.framing import Framer

SOURCE = '[[source]]\nname = "a"\ntype = "file"\npaths = ["*.log"]\nlabels = { job = "a" }\n'
WHOLE_SOURCE = FileSource(name="a", paths=("*.log",), labels={"job": "a"})


def problems(text: str, environ: dict[str, str] | None = None) -> list[str]:
    """The problems of a text, without the file's name."""
    examined = examine_text(text.encode(), "f", environ or {})
    return [str(problem).removeprefix("f:") for problem in examined.problems]


def config(text: str, environ: dict[str, str] | None = None) -> Config:
    examined = examine_text(text.encode(), "f", environ or {})
    assert examined.problems == ()
    assert examined.config is not None
    return examined.config


NASTY = """\
[loki]
ulr = "http://localhost:3100"
url = "ftp://admin:hunter2@loki"
batch_wait = "10"
batch_bytes = "5MiB"
max_in_flight = 0
tenant_id = "mlops"
backoff = { min = "1m", max = "30s" }
basic_auth = { username = "a", password = "hunter2" }
headers = { "Bad Header" = "hunter2", Content-Type = "hunter2", Fine = "hunter2" }

[loki.eu]
url = "http://eu:3100"

[agent]
listen = "12345"
log = { level = "warn" }
data_dir = "${NO_SUCH_DIR}"

[labels]
"my-label" = "x"
__name__ = "y"
shard = 3

[[source]]
name = "api"
type = "flie"
paths = []
pipeline = "jsn"
to = ["eu"]
timezone = "Asia/Soul"
encoding = "utf-16"

[[source]]
name = "api"
type = "file"
paths = [
  "logs/*.log",
  "",
]
path_labels = 'model\\d+'
multiline = "pyhton"
keep_blank_lines = "true"

[[pipeline.own]]
stage = "regex"
pattern = '(?P<level>\\w+)(?=:)'

[[pipeline.own]]
stage = "jsno"

[[pipeline.two]]
stage = "detect"
[[pipeline.two]]
stage = "labels"
from = ["levle"]
[[pipeline.two]]
stage = "timestamp"
format = ["rfc", "%H:%M", "2006-01-02"]
[[pipeline.two]]
stage = "drop"
"""

REPORT = """\
nasty.toml has 35 mistakes. Nothing was started; docs/configuration.md lists every key
  nasty.toml:2: loki.ulr: expected a known key, got "ulr"; did you mean "url"?
  nasty.toml:3: loki.url: expected an http or https URL, got "ftp://***@loki"
  nasty.toml:4: loki.batch_wait: expected a duration such as "500ms", "10s" or "1h30m", got "10"; did you mean "10s"?
  nasty.toml:5: loki.batch_bytes: expected at most "3.5MiB", got "5MiB"
  nasty.toml:6: loki.max_in_flight: expected at least 1, got 0
  nasty.toml:7: loki.tenant_id: expected a known key, got "tenant_id"; did you mean "tenant"?
  nasty.toml:8: loki.backoff: expected min to be at most max ("30s"), got "1m"
  nasty.toml:9: loki.basic_auth.password: expected a known key, got "password"; did you mean "password_file"?
  nasty.toml:9: loki.basic_auth: expected the key password_file (the path of a readable file), got none
  nasty.toml:10: loki.headers."Bad Header": expected a header name, got "Bad Header"
  nasty.toml:10: loki.headers.Content-Type: expected a header that the shipper does not set itself; leave it out
  nasty.toml:12: loki.eu: expected no table [loki.eu]: several destinations are not yet supported; use [loki] alone
  nasty.toml:16: agent.listen: expected an address such as "127.0.0.1:12345", or "" for none, got "12345"; \
did you mean "127.0.0.1:12345"?
  nasty.toml:17: agent.log.level: expected one of "debug", "info", "warning", "error", got "warn"; \
did you mean "warning"?
  nasty.toml:18: agent.data_dir: expected the environment variable NO_SUCH_DIR, got none; \
set it, or write ${NO_SUCH_DIR:-default}
  nasty.toml:21: labels.my-label: expected a label name ([a-zA-Z_][a-zA-Z0-9_]*), got "my-label"; \
did you mean "my_label"?
  nasty.toml:22: labels.__name__: expected a label name that is not reserved, got "__name__"; \
names that begin with __ are Loki's
  nasty.toml:23: labels.shard: expected a string, got a number; write "3"
  nasty.toml:27: source[0].type: expected type = "file" or "docker", got "flie"; did you mean "file"?
  nasty.toml:28: source[0].paths: expected a list of strings, none of them empty, got an empty list
  nasty.toml:29: source[0].pipeline: expected the name of a pipeline, got "jsn"; did you mean "json"?
  nasty.toml:30: source[0].to: expected nothing here: several destinations are not yet supported; leave `to` out
  nasty.toml:31: source[0].timezone: expected a time zone such as "Asia/Seoul", got "Asia/Soul"; \
did you mean "Asia/Seoul"?
  nasty.toml:32: source[0].encoding: expected a text encoding that contains ASCII, got "utf-16"; \
write the log as UTF-8, or convert it before it is read: a line's end must be the one byte 0x0A
  nasty.toml:35: source[1].name: expected a name of its own, got "api" like source[0]; positions are kept by this name
  nasty.toml:39: source[1].paths[1]: expected a string that is not empty, got ""
  nasty.toml:41: source[1].path_labels: expected an RE2 pattern with named groups, got 'model\\d+'; \
write (?P<name>…) around what to take
  nasty.toml:42: source[1].multiline: expected "python", "vllm", or a table, got "pyhton"; did you mean "python"?
  nasty.toml:43: source[1].keep_blank_lines: expected true or false, got "true"; write true without quotes
  nasty.toml:47: pipeline.own[0].pattern: expected an RE2 pattern, got '(?P<level>\\w+)(?=:)': \
invalid perl operator: (?=; RE2 has no look-around; match what stands there, or use a second stage
  nasty.toml:50: pipeline.own[1].stage: expected a stage, got "jsno"; did you mean "json"?
  nasty.toml:56: pipeline.two[1].from: expected a field that a stage before makes, got "levle"; did you mean "level"?
  nasty.toml:59: pipeline.two[2].format[0]: expected auto, rfc3339, unix, unix_ms, unix_us, unix_ns or a strptime \
format; a list tries each, got "rfc"; did you mean "rfc3339"?
  nasty.toml:59: pipeline.two[2].format[1]: expected a strptime format with month and day, got "%H:%M"; \
a time without its date is ambiguous
  nasty.toml:59: pipeline.two[2].format[2]: expected auto, rfc3339, unix, unix_ms, unix_us, unix_ns or a strptime \
format; a list tries each, got "2006-01-02"; this is a Go layout; in strptime it begins like "%Y-%m-%d %H:%M:%S"
  nasty.toml:60: pipeline.two[3]: expected either pattern or field and value, got both or none"""


def test_a_wrong_file_reports_all_its_mistakes_at_once_in_their_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("nasty.toml").write_text(NASTY)
    with pytest.raises(ConfigError) as error:
        load(Path("nasty.toml"), {})
    assert str(error.value) == REPORT.replace("35 mistakes", f"{REPORT.count('  nasty.toml:')} mistakes")
    assert "hunter2" not in str(error.value)


def test_an_empty_loki_and_agent_have_their_defaults():
    assert config(SOURCE) == Config(sources=(WHOLE_SOURCE,))


def test_every_key_reaches_the_model(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    text = f"""
[loki]
url = "https://loki.example/prefix"
tenant = "mlops"
basic_auth = {{ username = "u", password_file = "{secret}" }}
headers = {{ X-Scope = "s" }}
tls = {{ ca_file = "{secret}", cert_file = "{secret}", key_file = "{secret}", insecure_skip_verify = true }}
proxy_url = "http://proxy:3128"
proxy_from_environment = true
query_url = "https://read.example"
batch_bytes = 65536
batch_wait = "250ms"
max_in_flight = 2
timeout = "3s"
backoff = {{ min = "1s", max = "1m" }}
verify = "never"
max_age = "0"
max_ahead = "1h"
too_old = "restamp"
too_new = "drop"
[agent]
data_dir = "data"
listen = ""
log = {{ level = "debug", format = "json" }}
max_line_bytes = "64KiB"
shutdown_timeout = "1s"
[[source]]
name = "files"
type = "file"
paths = ["a/**/*.log", "b/{{x,y}}.txt"]
exclude = ["*.gz"]
path_labels = '(?P<model>model\\d+)_'
labels = {{ job = "files" }}
pipeline = "own"
multiline = {{ start = '^\\d', max_lines = 10, max_wait = "1s" }}
start_at = "end"
timezone = "Asia/Seoul"
encoding = "euc-kr"
keep_blank_lines = true
max_label_values = 5
rotate_wait = "1s"
link_roots = ["/data"]
filename_label = false
[[source]]
name = "containers"
type = "docker"
include = {{ labels = ["com.docker.compose.project=docker"], images = ['mlops/.*'] }}
exclude = {{ names = ["mlops-(loki|shipper)"] }}
name_pattern = "mlops-(.*)"
label_map = {{ "com.example.team" = "team" }}
multiline = "vllm"
[[pipeline.own]]
stage = "json"
message = "msg"
[[pipeline.own]]
stage = "labels"
from = {{ status = "status_code" }}
[[pipeline.own]]
stage = "replace"
pattern = 'token=(\\w)\\w+'
with = 'token=\\1…'
[[pipeline.own]]
stage = "drop"
field = "path"
value = ["/health", "/metrics"]
[[pipeline.own]]
stage = "truncate"
bytes = "4KiB"
"""
    path = str(secret)
    assert config(text) == Config(
        loki=Loki(
            url="https://loki.example/prefix",
            tenant="mlops",
            basic_auth=BasicAuth(username="u", password_file=path),
            headers={"X-Scope": "s"},
            tls=Tls(ca_file=path, cert_file=path, key_file=path, insecure_skip_verify=True),
            proxy_url="http://proxy:3128",
            proxy_from_environment=True,
            query_url="https://read.example",
            batch_bytes=65536,
            batch_wait=250_000_000,
            max_in_flight=2,
            timeout=3_000_000_000,
            backoff=Backoff(min=1_000_000_000, max=60_000_000_000),
            verify="never",
            max_age=0,
            max_ahead=3_600_000_000_000,
            too_old="restamp",
            too_new="drop",
        ),
        agent=Agent(
            data_dir="data",
            listen="",
            log=Log(level="debug", format="json"),
            max_line_bytes=65536,
            shutdown_timeout=1_000_000_000,
        ),
        sources=(
            FileSource(
                name="files",
                paths=("a/**/*.log", "b/{x,y}.txt"),
                exclude=("*.gz",),
                path_labels=r"(?P<model>model\d+)_",
                labels={"job": "files"},
                pipeline="own",
                multiline=Multiline(start=r"^\d", max_lines=10, max_wait=1_000_000_000),
                start_at="end",
                timezone="Asia/Seoul",
                encoding="euc-kr",
                keep_blank_lines=True,
                max_label_values=5,
                rotate_wait=1_000_000_000,
                link_roots=("/data",),
                filename_label=False,
            ),
            DockerSource(
                name="containers",
                include=DockerRules(labels=("com.docker.compose.project=docker",), images=("mlops/.*",)),
                exclude=DockerRules(names=("mlops-(loki|shipper)",)),
                name_pattern="mlops-(.*)",
                label_map={"com.example.team": "team"},
                multiline=Multiline(preset="vllm"),
            ),
        ),
        pipelines={
            "own": (
                Json(message=("msg",)),
                Labels(from_={"status": "status_code"}),
                Replace(pattern=r"token=(\w)\w+", with_=r"token=\1…"),
                Drop(field="path", value=("/health", "/metrics")),
                Truncate(bytes=4096),
            )
        },
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = ", "1: expected valid TOML, got something else: Invalid value"),
        ("a = 1\nb = [\n1\n", "4: expected valid TOML, got something else: Unclosed array"),
        ("a = 1\r\na = 2\r\n", "2: expected valid TOML, got something else at column 6: Cannot overwrite a value"),
        (
            'a = "\\d"',
            "1: expected valid TOML, got something else at column 8: Unescaped '\\' in a string; "
            "write patterns in single quotes, where a backslash is itself",
        ),
        ("a = " + "[" * 60 + "]" * 60, "1: expected at most 50 tables or lists in one another"),
        ("a = " + "[" * 100_000, "1: expected at most 50 tables or lists in one another"),
        ("", "1: expected at least one [[source]], got none; without one there is nothing to ship"),
    ],
)
def test_a_text_that_is_no_configuration_is_one_mistake(text, expected):
    assert problems(text) == [expected]


def test_a_file_that_is_not_utf8_is_told_with_the_line():
    assert [str(p) for p in examine_text(b"a = 1\nb = '\xff'\n", "f", {}).problems] == [
        "f:2: expected UTF-8, got the byte 0xFF; save the file as UTF-8"
    ]


def test_a_byte_order_mark_is_skipped():
    assert examine_text(b"\xef\xbb\xbf" + SOURCE.encode(), "f", {}).config == Config(sources=(WHOLE_SOURCE,))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.EACCES, "Permission denied; let this user read it, or run this as a user who may"),
        (errno.EISDIR, "Is a directory; name another one with --config"),
        (errno.EIO, "Input/output error; name another one with --config"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_cure(code, told, monkeypatch):
    def read_bytes(path):
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr("pathlib.Path.read_bytes", read_bytes)
    assert [str(problem) for problem in examine(Path("s.toml"), {}).problems] == [f"s.toml: cannot be read: {told}"]


def test_a_missing_file_is_told_with_its_cure(tmp_path):
    path = tmp_path / "none.toml"
    assert [str(p) for p in examine(path, {}).problems] == [
        f"{path}: cannot be read: No such file or directory; create it, or name another one with --config"
    ]
    with pytest.raises(ConfigError) as raised:
        load(path, {})
    assert (raised.value.message, raised.value.problems, raised.value.hint) == (
        f"{path}: cannot be read: No such file or directory",
        (),
        "create it, or name another one with --config",
    )


@pytest.mark.parametrize(
    ("written", "environ", "value"),
    [
        ("${A}", {"A": "x"}, "x"),
        ("a-${A}-${B:-y}", {"A": "x"}, "a-x-y"),
        ("${A:-y}", {"A": ""}, "y"),
        ("${A:-}", {}, ""),
        ("${A}", {"A": ""}, ""),
        ("$${A}", {"A": "x"}, "${A}"),
        ("$A $ {A} $$", {"A": "x"}, "$A $ {A} $$"),
        ("${A}", {"A": '"]\n[[source]] ${B}'}, '"]\n[[source]] ${B}'),
        ("${HOSTNAME}", {}, socket.gethostname()),
        ("${HOSTNAME}", {"HOSTNAME": "h"}, "h"),
        ("${HOSTNAME}", {"HOSTNAME": ""}, socket.gethostname()),
        ("${HOSTNAME:-d}", {}, "d"),
    ],
)
def test_variables_are_replaced_in_values(written, environ, value):
    assert config(f"labels.x = '{written}'\n{SOURCE}", environ).labels == {"x": value}


@pytest.mark.parametrize(
    ("written", "environ", "expected"),
    [
        ("${A}", {}, "expected the environment variable A, got none; set it, or write ${A:-default}"),
        (
            "${LOKI_URI}",
            {"LOKI_URL": "x"},
            'expected the environment variable LOKI_URI, got none; did you mean "LOKI_URL"? set it, '
            "or write ${LOKI_URI:-default}",
        ),
        (
            "${A",
            {"A": "x"},
            'expected ${NAME} or ${NAME:-default}, got "${A…"; write $${ for the two characters themselves; '
            "a default cannot hold another variable",
        ),
        (
            "${A:-${B}}",
            {"B": "x"},
            'expected ${NAME} or ${NAME:-default}, got "${A…"; write $${ for the two characters themselves; '
            "a default cannot hold another variable",
        ),
        ("${A}", {"A": "\udcff"}, "expected UTF-8 text in the environment variable A, got other bytes"),
    ],
)
def test_a_variable_that_cannot_be_replaced_is_named(written, environ, expected):
    assert problems(f"{SOURCE}[labels]\n'x.y' = '{written}'\n", environ) == [f'7: labels."x.y": {expected}']


def test_mistakes_never_show_the_value_of_a_secret_variable():
    text = f'{SOURCE}timezone = "${{LOKI_TOKEN}}"\n'
    assert problems(text, {"LOKI_TOKEN": "hunter2/x"}) == [
        '6: source[0].timezone: expected a time zone such as "Asia/Seoul", got "***"; names are like "Europe/Berlin"'
    ]


ONE_KEY = [
    ("[loki]\nurl = 'localhost:3100'", '2: loki.url: expected an http or https URL, got "localhost:3100"; '
     'did you mean "http://localhost:3100"?'),
    ("[loki]\nurl = 'http://'", '2: loki.url: expected an http or https URL, got "http://"; the host is missing'),
    ("[loki]\nurl = 'http://h:99999'", "2: loki.url: expected an http or https URL, "
     "got one with a malformed host or port"),
    ("[loki]\nurl = 'http://h/?token=hunter2'", "2: loki.url: expected a URL without query and fragment, "
     'got "http://h/?***"'),
    ("[loki]\nurl = 'http://u:p#hunter2@h'", "2: loki.url: expected an http or https URL, "
     "got one with a malformed host or port"),
    ("[loki]\nurl = ['x']", "2: loki.url: expected an http or https URL, got a list"),
    ("[loki]\nbasic_auth = 'u:hunter2'", "2: loki.basic_auth: expected a table, got a string"),
    ("[loki]\nheaders = 'hunter2'", "2: loki.headers: expected a table of HTTP headers, got a string"),
    ("[loki]\nheaders.X = 'hunter2\\u000a'".replace("'", '"'), "2: loki.headers.X: expected a header value in "
     "printable ASCII without spaces around it, got another"),
    ("[loki]\ntenant = 'a|b'", "2: loki.tenant: expected a tenant's name: at most 150 letters, digits or any of "
     "!-_.*'(), got \"a|b\""),
    ("[loki]\ntls = { cert_file = '/dev/null' }", "2: loki.tls: expected both cert_file and key_file, "
     "or neither, got one"),
    ("[loki]\ntls = { ca_file = '/dev' }", '2: loki.tls.ca_file: expected the path of a readable file, got "/dev": '
     "it is a directory; name the file in it"),
    ("[loki]\nbearer_token_file = '/dev/null'\nheaders = { authorization = 'hunter2' }",
     "2: loki.bearer_token_file: expected one way to log in, got bearer_token_file and the header Authorization; "
     "leave all but one out"),
    ("[loki]\nurl = 'http://u:hunter2@h'\nbearer_token_file = '/dev/null'\n"
     "basic_auth = { username = 'u', password_file = '/dev/null' }",
     "3: loki.bearer_token_file: expected one way to log in, got bearer_token_file and basic_auth and a user in url; "
     "leave all but one out"),
    ("[loki]\ntenant = 'a'\nheaders = { X-Scope-OrgID = 'b' }", "2: loki.tenant: expected one tenant, "
     "got another in the header X-Scope-OrgID; leave one out"),
    ("[loki]\nmax_in_flight = 99999999999999999999999", "2: loki.max_in_flight: expected a number of 64 bits, "
     "got a larger one"),
    ("[loki]\nmax_in_flight = 2.0", "2: loki.max_in_flight: expected a whole number, got 2.0"),
    ("[loki]\ntimeout = 2026-01-27", '2: loki.timeout: expected a duration such as "500ms", "10s" or "1h30m", '
     "got 2026-01-27"),
    ("[loki.lts]\nca_file = 'x'", '1: loki.lts: expected a known key, got "lts"; did you mean "tls"?'),
    ("loki = 'http://loki'", "1: loki: expected a table, got a string"),
    ("[agent]\nlisten = '127.0.0.1:70000'", '2: agent.listen: expected an address such as "127.0.0.1:12345", '
     'or "" for none, got "127.0.0.1:70000"'),
    ("[agent]\nweb = { username = 'u' }", "2: agent.web: expected both username and password_file, "
     "or neither, got one"),
    ("[agent]\nmax_line_bytes = '10'", '2: agent.max_line_bytes: expected at least "64", got "10"'),
    ("[agent]\ndead_letters = { when_full = 'drop' }", '2: agent.dead_letters.when_full: expected one of "hold", '
     '"drop-oldest", got "drop"; did you mean "drop-oldest"?'),
    ("[labels]\n\"1\\u001b[31m\" = 'x'", '2: labels."1\\u001b[31m": expected a label name '
     '([a-zA-Z_][a-zA-Z0-9_]*), got "1\\u001b[31m"; did you mean "_1__31m"?'),
    ("labels = ['x']", "1: labels: expected a table of label names and their values, got a list"),
    (f"[labels]\nx = '{'한' * 700}'", "2: labels.x: expected a label value of at most 2048 bytes, got 2100 bytes"),
    ("sources = 1", '1: sources: expected a known key, got "sources"; did you mean "source"?'),
    ("[pipeline]\nx = 'json'", "2: pipeline.x: expected a list of stages, written [[pipeline.x]], got a string"),
    ("[[pipeline.x]]\nstage = 'sample'\nrate = 2", "3: pipeline.x[0].rate: expected at most 1, got 2"),
    ("[[pipeline.x]]\nstage = 'sample'\nrate = nan", "3: pipeline.x[0].rate: expected a number, got nan"),
    ("[[pipeline.x]]\nstage = 'sample'", "1: pipeline.x[0]: expected the key rate (a number), got none"),
    ("[[pipeline.x]]\nstage = 'multiline'", '2: pipeline.x[0].stage: expected a stage, got "multiline"; '
     "it is a key of the source: multiline = { start = 'pattern' }"),
    ("[[pipeline.x]]\nstage = 'labeldrop'", '2: pipeline.x[0].stage: expected a stage, got "labeldrop"; '
     'did you mean "drop_labels"?'),
    ("[[pipeline.x]]\nstage = 'regex'\nexpression = '(?P<a>.)'\npattern = '(?P<a>.)'", '3: pipeline.x[0].expression: '
     'expected a known key, got "expression"; did you mean "pattern"?'),
    ("[[pipeline.x]]\nstage = 'regex'\npattern = '(?P<a>.)\\1'", "3: pipeline.x[0].pattern: expected an RE2 pattern, "
     "got '(?P<a>.)\\1': invalid escape sequence: \\1; RE2 has no back-references; write the repeated part out"),
    ("[[pipeline.x]]\nstage = 'replace'\npattern = '(a)'\nwith = '\\2'", "1: pipeline.x[0]: expected groups of "
     "\"(a)\", got '\\2'"),
    ("[[pipeline.x]]\nstage = 'tenant'", "1: pipeline.x[0]: expected either from or value, got both or none"),
    ("[[pipeline.x]]\nstage = 'keep'\nvalue = 'x'", "1: pipeline.x[0]: expected the field whose value is meant, "
     "got a value alone; write field = …"),
    ("[[pipeline.x]]\nstage = 'labels'\nfrom = ['a']", "3: pipeline.x[0].from: expected a field that a stage before "
     'makes, got "a"; no stage before makes any: put json, logfmt, regex or detect before it'),
    ("[[pipeline.x]]\nstage = 'json'\n[[pipeline.x]]\nstage = 'labels'\nfrom = ['a.b']", "5: pipeline.x[1].from[0]: "
     'expected a label name ([a-zA-Z_][a-zA-Z0-9_]*), got "a.b"; write a table, such as { name = "a.b" }, '
     "to give it another name"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"), ONE_KEY, ids=[expected.split(": expected")[0] for _, expected in ONE_KEY]
)
def test_one_wrong_key_is_one_mistake(text, expected):
    assert problems(f"{text}\n{SOURCE}") == [expected]


ONE_SOURCE_KEY = [
    ("multiline = 5", 'multiline: expected "python", "vllm", or a table, got 5'),
    ("multiline = {}", "multiline: expected either preset or start in the table, got both or none"),
    ("multiline = { start = '(' }", 'multiline.start: expected an RE2 pattern, got "(": missing ): ('),
    ("path_labels = '(?P<__x__>.)'", 'path_labels: expected a label name that is not reserved, got "__x__"; '
     "names that begin with __ are Loki's"),
    ("encoding = 'utf8x'", 'encoding: expected a text encoding that Python knows, got "utf8x"; '
     'did you mean "utf-8"?'),
    ("encoding = 'base64'", 'encoding: expected a text encoding that Python knows, got "base64"'),
    ("exclude = '*.gz'", 'exclude: expected a list of strings, none of them empty, got "*.gz"; '
     'did you mean ["*.gz"]?'),
    ("pat = 'x'", 'pat: expected a known key, got "pat"; did you mean "path"?'),
    ("max_label_values = 0", "max_label_values: expected at least 1, got 0"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), ONE_SOURCE_KEY[:-2] + ONE_SOURCE_KEY[-1:])
def test_one_wrong_key_of_a_source_is_one_mistake(line, expected):
    assert problems(f"{SOURCE}{line}\n") == [f"6: source[0].{expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[source]\nname = 'a'", "1: source: expected a list of sources, got a table; "
         "write [[source]] with two brackets"),
        ("[[source]]\npaths = ['x']", None),
        ("[[source]]\nname = 'd'\ntype = 'docker'\nhost = '/var/run/docker.sock'", "4: source[0].host: expected a "
         'unix://, tcp://, http:// or https:// address, got "/var/run/docker.sock"; '
         'did you mean "unix:///var/run/docker.sock"?'),
        ("[[source]]\nname = 'd'\ntype = 'docker'\nname_pattern = 'mlops-.*'", "4: source[0].name_pattern: expected an "
         'RE2 pattern with exactly one group, got "mlops-.*"; write (?:…) around what must not be taken'),
        ("[[source]]\nname = 'd'\ntype = 'docker'\nlabel_map = { 'a.b' = 'a.b' }", '4: source[0].label_map."a.b": '
         'expected a label name ([a-zA-Z_][a-zA-Z0-9_]*), got "a.b"; did you mean "a_b"?'),
        ("[[source]]\nname = 'f'\ntype = 'file'\npaths = ['x']\nfilename_label = false", "1: source[0]: expected at "
         'least one label, without which Loki takes nothing, got none; write labels = { job = "…" }'),
    ],
)  # fmt: skip
def test_a_wrong_source_is_told(text, expected):
    told = [expected] if expected else [
        "1: source[0]: expected type = \"file\" or \"docker\", got none; write type = \"file\"",
        "1: source[0]: expected the key name (a string that is not empty), got none",
    ]  # fmt: skip
    assert problems(text) == told


def test_more_labels_than_loki_takes_are_a_mistake():
    names = ", ".join(f'l{number:02} = "x"' for number in range(14))
    text = f"labels = {{ {names} }}\n{SOURCE}"
    listed = ", ".join(["filename", "job", *(f"l{number:02}" for number in range(14))])
    assert problems(text) == [f"6: source[0].labels: expected at most 15 labels, Loki's limit, got 16 ({listed})"]


KEYS = st.sampled_from(
    ("loki", "agent", "labels", "source", "pipeline", "url", "name", "type", "paths", "stage", "from", "pattern")
) | st.sampled_from(("multiline", "batch_wait", "to", "x"))
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["${A}", "${A:-x}", "$${", "${", "(?P<a>.)", "(?=", "1s", "file", "docker", "json", "utf-16", "%Y"]
    ),
)
SCALARS = st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.dates(), st.times(), st.none())
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


def toml(value: object) -> str:
    """A value as TOML writes it; None as an empty table."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(name)} = {toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, str):
        kept = value.encode("utf-8", "ignore").decode()
        return '"' + "".join(f"\\U{ord(c):08x}" if not c.isalnum() else c for c in kept) + '"'
    if isinstance(value, bool):
        return str(value).lower()
    return "{}" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)


SECTION = st.sampled_from(["loki", "agent", "labels", "source", "pipeline", "other"])


@settings(max_examples=settings().max_examples * 3)
@given(st.dictionaries(SECTION, TREES, max_size=5), st.dictionaries(st.just("A"), st.text(max_size=5)))
def test_for_every_tree_the_answer_is_a_configuration_or_problems(tree, environ):
    text = "".join(f"{name} = {toml(value)}\n" for name, value in tree.items())
    examined = examine_text(text.encode(), "f", environ)
    assert (examined.config is None) == bool(examined.problems)


LINES = st.sampled_from(NASTY.splitlines() + SOURCE.splitlines())


@settings(max_examples=settings().max_examples * 2)
@given(st.lists(LINES, max_size=12).map("\n".join), st.binary(max_size=4))
def test_for_every_text_the_answer_is_a_configuration_or_problems(text, noise):
    examined = examine_text(text.encode() + noise, "f", {})
    assert isinstance(examined, Examination)
    assert (examined.config is None) == bool(examined.problems)


WHOLE = Path(__file__).parents[2].joinpath("shipper.toml").read_text()
PIECES = st.sampled_from(
    [
        *('"', "'", "[", "]", "{", "}", "=", ",", "\n", "#", ".", "\\", "\0", "${", "$${X}", "${S_TOKEN}", "${NO}"),
        *("[[source]]\n", "[loki]\n", "-1", "1e400", "9" * 30, "1979-05-27", "true", "[]", "{}", "nan", "'(?P<a'"),
    ]
)
EDITS = st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 30), PIECES | st.text(max_size=3)), max_size=4)


def test_a_secret_of_the_environment_is_masked_where_a_label_holds_it():
    check_examination(WHOLE.replace('env = "${ENV', 'env = "${S_TOKEN}${ENV').encode())


@settings(max_examples=settings().max_examples * 2)
@given(EDITS)
def test_for_every_edit_of_a_valid_file_each_mistake_has_its_place_and_no_secret(edits):
    text = WHOLE
    for at, length, piece in edits:
        text = text[:at] + piece + text[at + length :]
    check_examination(text.encode("utf-8", "replace"))


KNOWN_KEYS = st.sampled_from(
    sorted({name for kind in (Loki, Agent, FileSource, DockerSource, *STAGES) for name in keys_of(kind)})
)
WORDS = st.sampled_from(
    [
        *(
            "",
            "a",
            "0",
            "5s",
            "1MiB",
            "-1s",
            "UTC",
            "utf-16",
            "auto",
            "json",
            "none",
            "${S_TOKEN}",
            "${S_TOKEN",
            "logs/*.log",
        ),
        *(
            "http://u:p@h:99999/x",
            "https://[::1",
            "unix:///s",
            "127.0.0.1:0",
            ":::",
            "%Y-%m-%d",
            "%Q",
            "\\1",
            "\\g<x>",
            "{a,b}",
        ),
        *(
            "(?P<a>x)",
            "(?P<9>x)",
            "(",
            "(?=x)",
            "[a-",
            "x{1001}",
            "\x00",
            "한",
            "\u2028",
            "__name__",
            "level",
            "p",
            "drop",
        ),
    ]
)
NUMBERS = st.sampled_from([0, 1, -1, 2, 65536, 2**63, 0.5, -0.0, 1e308, float("inf"), float("nan"), True, False])
ANYTHING = st.recursive(
    WORDS | NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | KNOWN_KEYS, inner, max_size=3),
    max_leaves=6,
)


def tables(*kinds, **fixed):
    """Tables with the keys that they have, and any values."""
    keys = ["strange", *(name for kind in kinds for name in keys_of(kind))]
    return st.dictionaries(st.sampled_from(keys), ANYTHING, max_size=6).map(lambda table: fixed | table)


STAGE = st.one_of(*(tables(stage, stage=stage.__struct_config__.tag) for stage in STAGES))
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "loki": tables(Loki),
        "agent": tables(Agent),
        "labels": st.dictionaries(WORDS, ANYTHING, max_size=3),
        "source": st.lists(
            tables(FileSource, name="a", type="file", paths=["*.log"]) | tables(DockerSource, name="b", type="docker"),
            max_size=2,
        ),
        "pipeline": st.dictionaries(WORDS, st.lists(STAGE, max_size=3) | ANYTHING, max_size=2),
    },
)


@settings(max_examples=settings().max_examples * 2)
@given(DOCUMENTS)
def test_for_every_document_of_known_keys_each_mistake_has_its_place_and_no_secret(document):
    check_examination("".join(f"{name} = {toml(value)}\n" for name, value in document.items()).encode())


def check_examination(data: bytes) -> None:
    """It is a configuration, or mistakes that each have a place; the environment's secret is in none of it."""
    secret = "s3cr3t-of-the-environment"
    examined = examine_text(data, "f", {"S_TOKEN": secret})
    assert (examined.config is None) == bool(examined.problems)
    assert [problem for problem in examined.problems if not 1 <= problem.line <= data.count(b"\n") + 1] == []
    assert [problem for problem in map(str, examined.problems) if secret in problem or not problem.isprintable()] == []
    if examined.config is not None:
        assert secret not in f"{examined.config!r}{describe(examined.config)}"
        for source in examined.config.sources:
            compile_pipeline(resolve(examined.config, source))
            if isinstance(source, FileSource):
                Framer(1000, source.encoding)
                assert "/x" in Excludes(source.exclude) or [parse(pattern) for pattern in source.paths]


@given(st.binary(max_size=40))
def test_for_every_file_of_bytes_the_answer_is_problems(data):
    assert examine_text(data, "f", {}).problems != ()
