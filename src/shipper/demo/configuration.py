"""The demonstration's `shipper.toml`: the shipped one's six sources, in a directory of its own."""

from __future__ import annotations

import json
from pathlib import Path

TEMPLATE = """\
[loki]
url = {url}
batch_wait = "250ms"

[agent]
data_dir = {data_dir}
listen = "127.0.0.1:0"
log = {{ level = "info", format = "json" }}

[labels]
env = "demo"

[[source]]
name = "fastapi"
type = "file"
paths = [{logs}"/fastapi/*.log{{,.[0-9]}}"]
exclude = ["*.gz"]
labels = {{ job = "fastapi", service = "mlops", log_type = "api" }}
pipeline = "json"

[[source]]
name = "vllm"
type = "file"
paths = [{logs}"/vllm/*.log"]
path_labels = '(?P<model>model\\d+)_'
labels = {{ job = "vllm", service = "mlops", log_type = "vllm" }}
pipeline = "plaintext"
multiline = "vllm"

[[source]]
name = "mlflow"
type = "file"
paths = [{logs}"/mlflow/*.log"]
labels = {{ job = "mlflow", service = "mlops", log_type = "mlflow" }}
pipeline = "text"
multiline = "python"

[[source]]
name = "inference"
type = "file"
paths = [{logs}"/inference/*.log"]
labels = {{ job = "inference", service = "mlops", log_type = "inference" }}
pipeline = "json"

[[source]]
name = "training"
type = "file"
paths = [{logs}"/training/*.log"]
labels = {{ job = "training", service = "mlops", log_type = "training" }}
pipeline = "auto"

[[source]]
name = "system"
type = "file"
paths = [{logs}"/system/*.log"]
labels = {{ job = "system", service = "mlops", log_type = "system" }}
pipeline = "text"
"""

SERVICES = ("fastapi", "vllm", "mlflow", "inference", "training", "system")


def configuration(directory: Path, url: str) -> str:
    """The text of a `shipper.toml` that ships `directory/logs` to `url`."""
    text = TEMPLATE.format(url=_quoted(url), data_dir=_quoted(str(directory / "data")), logs="{logs}")
    return text.replace('{logs}"', _quoted(str(directory / "logs"))[:-1])


def selector(service: str) -> str:
    """The LogQL selector of all streams of a service."""
    return f'{{job="{service}"}}'


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False)
