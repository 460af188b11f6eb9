#!/usr/bin/env bash
# Runs a command; all it prints goes to stdout and, appended, to a file: run-logged.sh PREFIX LOG COMMAND [ARGUMENT…]
#
# Each line gets PREFIX; only LF ends one, so that progress bars stay one line. The file's directory is made. SIGTERM and SIGINT
# are passed on, once each; this ends when the command has ended and the last of its output is written, with the command's status.
set -euo pipefail

if [ $# -lt 3 ]; then
    printf 'usage: run-logged.sh PREFIX LOG COMMAND [ARGUMENT…]\n' >&2
    exit 2
fi
prefix=$1 log=$2
shift 2
mkdir -p "$(dirname "$log")"

# A signal may come before the command is there: it is passed on as soon as it is.
child='' asked='' told=''
pass_on() {
    if [ -n "$child" ] && [ -n "$asked" ] && [ -z "$told" ]; then
        told=yes
        kill "-$asked" "$child" 2>/dev/null || true
    fi
}
trap 'asked=TERM; pass_on' TERM
trap 'asked=INT; pass_on' INT

# Pipes with names, since bash can wait for a job but not for every process substitution.
pipes=$(mktemp -d)
mkfifo "$pipes/out" "$pipes/ready"
exec {out}<>"$pipes/out" {in}<"$pipes/out" {ready}<>"$pipes/ready"

# Ctrl-C on a terminal reaches everybody: what carries the output ends when the command has, not before.
carry() {
    trap '' INT TERM
    exec {out}>&- {in}<&- {ready}>&-
    sed -u "s/^/$prefix/" | tee -a "$log"
}
carry <&"$in" &
carrier=$!

# The command says when a signal would reach it: until then bash's own handler would swallow it.
(
    trap - INT TERM
    echo >&"$ready"
    exec {ready}>&- {in}<&-
    exec "$@" >&"$out" 2>&1 {out}>&-
) &
started=$!
read -r -t 10 -u "$ready" || true
exec {out}>&- {in}<&- {ready}>&-
rm -r "$pipes"
child=$started
pass_on

# A trap interrupts `wait`: wait again until the command has really ended.
status=0
while :; do
    wait "$child" && status=0 || status=$?
    kill -0 "$child" 2>/dev/null || break
done
wait "$carrier" || true
exit "$status"
