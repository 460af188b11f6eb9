#!/bin/sh
# Puts the programs into .venv/bin that check the stack's files, as those who read them do: Docker Compose's own loader, built
# from its module (needs go), and promtool, taken out of Debian's package of Prometheus, whose service is not installed.
# Where one cannot be had, its tests are skipped (with CI=true they fail).
set -eu
cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin
say() { printf '%s\n' "checkers: $*" >&2; }

build_compose_go() {
    GOBIN=$work go install github.com/compose-spec/compose-go/v2/cmd@v2.16.2 && mv "$work/cmd" "$bin/compose-go"
}

unpack_promtool() {
    (cd "$work" && apt-get download -qq prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb |
        tar --extract ./usr/bin/promtool && mv usr/bin/promtool "$bin/promtool")
}

# get NAME COMMAND: what makes it, unless it is there; what goes wrong is said, and is the tests' affair.
get() {
    if [ -x "$bin/$1" ] || command -v "$1" >/dev/null; then return; fi
    say "getting $1"
    "$2" >"$work/log" 2>&1 || say "$1 cannot be had: $(tail -n 1 "$work/log")"
}

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
get compose-go build_compose_go
get promtool unpack_promtool
