#!/bin/sh
# Makes .venv and installs shipper into it from a lock: `sh scripts/bootstrap.sh run|dev`.
# Needs python3 (3.11 or newer); a Debian without python3-venv gets that package, as root or through sudo.
set -eu
cd "$(dirname "$0")/.."
kind=${1:?usage: bootstrap.sh run|dev}
python=${PYTHON:-python3}
venv=.venv

say() { printf '%s\n' "bootstrap: $*" >&2; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    say "$python is older than 3.11. Cure: PYTHON=/path/to/python3.11 make demo"
    exit 1
}

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    say "$python has no venv module; installing Debian's python3-venv"
    if [ "$(id -u)" = 0 ]; then as_root=""; else as_root="sudo"; fi
    $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends python3-venv >/dev/null || {
        say "that failed. Cure: install python3-venv by hand, then run make again"
        exit 1
    }
fi

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "requirements/$kind.lock"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
touch "$venv/$kind.stamp"
