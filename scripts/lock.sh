#!/bin/sh
# Writes requirements/*.lock (pinned, with hashes) from pyproject.toml. Needs uv: `pip install uv`.
set -eu
cd "$(dirname "$0")/.."
compile() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-header --no-annotate pyproject.toml "$@"; }
compile -o requirements/image.lock
compile --group build -o requirements/run.lock
compile --group dev -o requirements/dev.lock
