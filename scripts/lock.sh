#!/bin/sh
# Writes requirements/*.lock (pinned, with hashes) from pyproject.toml. Needs uv: `pip install uv`.
set -eu
cd "$(dirname "$0")/.."
compile() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-header --no-annotate "$@"; }
compile --group build -o requirements/build.lock
compile pyproject.toml -o requirements/image.lock
compile pyproject.toml --group build -o requirements/run.lock
compile pyproject.toml --group dev -o requirements/dev.lock
