#!/bin/sh
# Installs Debian packages that tests need where they are missing: `sh scripts/tools.sh dockerd=docker.io python3-venv`.
# COMMAND=PACKAGE is missing if there is no such command, PACKAGE alone if it is not installed. Needs root and a Debian;
# elsewhere it says what is missing, and the tests that need it are skipped (with CI=true they fail).
set -eu
say() { printf '%s\n' "tools: $*" >&2; }

here() {
    case $1 in
        *=*) command -v "${1%%=*}" >/dev/null ;;
        *) dpkg-query --show --showformat='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed ;;
    esac
}

missing=
for wanted; do
    here "$wanted" || missing="$missing ${wanted#*=}"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "tests need what is not here. Cure: install$missing"
    exit 0
fi
say "installing Debian's$missing"
# shellcheck disable=SC2086  # one word for each package
apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -y --no-install-recommends $missing >/dev/null || {
    say "that failed; the tests that need them will say so"
}
