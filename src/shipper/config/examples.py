"""An example of every key, for the reference: below which heading, and the TOML.

Rule 1: each is a configuration that `shipper check` accepts (with a source beside it, where it has none).
Rule 2: every key of the section it stands in is in it (tests/config/test_reference.py).
"""

from __future__ import annotations

from typing import Final

LOKI: Final = """\
[loki]
url = "${LOKI_URL:-https://loki.example.org/prefix}"
tenant = "mlops"
basic_auth = { username = "shipper", password_file = "/run/secrets/loki" }
headers = { X-Team = "mlops" }
tls = { ca_file = "/certs/ca.pem", cert_file = "/certs/cert.pem", key_file = "/certs/key.pem" }
proxy_url = "http://proxy.example.org:3128"
query_url = "https://loki-read.example.org"
batch_bytes = "2MiB"
batch_wait = "500ms"
max_in_flight = 8
timeout = "30s"
backoff = { min = "1s", max = "1m" }
verify = "auto"
max_age = "720h"                             # Loki's reject_old_samples_max_age is as long
max_ahead = "10m"
too_old = "restamp"
too_new = "restamp"
"""

OTHERWISE: Final = """\
[loki]
url = "https://loki.example.org"
bearer_token_file = "/run/secrets/token"     # instead of basic_auth
proxy_from_environment = true                # instead of proxy_url
tls = { insecure_skip_verify = true }         # only for trying things
"""

AGENT: Final = """\
[agent]
data_dir = "${SHIPPER_DATA_DIR:-/var/lib/shipper}"
listen = "0.0.0.0:12345"
web = { username = "ops", password_file = "/run/secrets/page", hosts = ["shipper", "logs.example.org"] }
log = { level = "info", format = "json" }
max_line_bytes = "64KiB"
dead_letters = { max_bytes = "256MiB", when_full = "drop-oldest" }
held_deleted_bytes = "10GiB"
shutdown_timeout = "10s"
"""

LABELS: Final = """\
[labels]
host = "${HOSTNAME}"
env = "${ENV:-development}"
"""

EVERY_SOURCE: Final = """\
[[source]]
name = "mlflow"
type = "file"
paths = ["/logs/mlflow/*.log"]
labels = { job = "mlflow", service = "mlops", env = "" }     # "": this source has no label env
pipeline = "text"
multiline = "python"
start_at = "end"
timezone = "Asia/Seoul"
encoding = "cp949"
keep_blank_lines = true
max_label_values = 50
"""

FILES: Final = """\
[[source]]
name = "vllm"
type = "file"
paths = ["/logs/vllm/*.log", "/mnt/{a,b}/vllm/**/*.log"]
exclude = ["*.gz", "/logs/vllm/debug*"]
path_labels = '(?P<model>model\\d+)_'
rotate_wait = "10s"
link_roots = ["/data/logs"]
filename_label = false
"""

CONTAINERS: Final = """\
[[source]]
name = "containers"
type = "docker"
host = "tcp://build-host:2376"
tls = { ca_file = "/certs/ca.pem", cert_file = "/certs/cert.pem", key_file = "/certs/key.pem" }
include = { labels = ["com.docker.compose.project=docker"], images = ["ghcr.io/example/.*"] }
exclude = { names = ["mlops-(loki|grafana)"] }
own_container = false
name_pattern = "mlops-(.*)"
label_map = { "com.example.team" = "team" }
"""

MULTILINE: Final = """\
[[source]]
name = "java"
type = "file"
paths = ["/logs/java/*.log"]
multiline = { start = '^\\d{4}-\\d\\d-\\d\\d ', max_lines = 200, max_bytes = "64KiB", max_wait = "1s" }

[[source]]
name = "vllm"
type = "file"
paths = ["/logs/vllm/*.log"]
multiline = { preset = "vllm", max_lines = 1000 }             # or multiline = "vllm"
"""

STAGES: Final = {
    "json": """
message = ["event", "message", "msg"]
""",
    "logfmt": """
message = ["msg", "message"]
""",
    "regex": r"""
pattern = '^(?P<level>\w+) \[(?P<worker>[\w-]+)\]'
from = "event"                               # a field that an earlier stage read; without it the text
""",
    "timestamp": """
from = "time"
format = ["rfc3339", "%d.%m.%Y %H:%M:%S", "unix_ms"]
""",
    "labels": """
from = { level = "severity", app = "app" }   # or from = ["level", "app"]
""",
    "static_labels": """
labels = { team = "mlops" }
""",
    "drop_labels": """
names = ["filename"]
""",
    "metadata": """
from = ["request_id", "user_id"]
""",
    "output": """
from = "message"
""",
    "drop": """
field = "path"                               # without it the text
pattern = '^/(health|metrics)$'              # or value = ["/health", "/metrics"]
""",
    "keep": """
field = "level"
value = ["warning", "error", "critical"]     # or pattern = '^(warn|err|crit)'
""",
    "replace": r"""
pattern = '(?i)(bearer )\S+'
with = '\1***'
from = "headers"                             # without it the text
""",
    "truncate": """
bytes = "16KiB"
""",
    "sample": """
rate = 0.1
""",
    "limit": """
rate = 5000
""",
    "tenant": """
from = "team"                                # or value = "mlops"
""",
}
"""The keys of each stage that has any."""
READING: Final = frozenset({"regex", "timestamp", "labels", "metadata", "output", "drop", "keep", "replace", "tenant"})
"""Stages whose example asks a field, which a stage before has to make."""
JSON: Final = '[[pipeline.example]]\nstage = "json"\n'


def stage_example(name: str) -> str:
    """A pipeline with this stage and its keys; "" if it has none."""
    if name not in STAGES:
        return ""
    return f'{JSON if name in READING else ""}[[pipeline.example]]\nstage = "{name}"{STAGES[name]}'
