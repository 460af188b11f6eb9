#!/bin/sh
# Gives the end-to-end tests what they start a Docker engine of their own from: dockerd and a static busybox.
# Needs root and a Debian; elsewhere it says what is missing, and the tests are skipped (with CI=true they fail).
set -eu
say() { printf '%s\n' "engine: $*" >&2; }

command -v dockerd >/dev/null && command -v busybox >/dev/null && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "no dockerd or busybox here; the tests with containers need both, and root. Cure: install docker.io and busybox-static"
    exit 0
fi
say "installing Debian's docker.io and busybox-static"
apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -y --no-install-recommends docker.io busybox-static >/dev/null || {
    say "that failed; the tests with containers will say so"
}
