#!/usr/bin/env bash
# Runs a training command; everything it prints, progress bars too, goes to stdout and to
# $LOG_DIR/train_YYYYMMDD_HHMMSS.log: start-train.sh python train.py --epochs 3
#
#   LOG_DIR (/logs/training)
#
# SIGTERM and SIGINT are passed on, so a job may save its checkpoint; ends with the job's status.
set -euo pipefail

if [ $# -eq 0 ]; then
    printf 'usage: start-train.sh COMMAND [ARGUMENT…]\n' >&2
    exit 2
fi
LOG_DIR=${LOG_DIR:-/logs/training}
log="$LOG_DIR/train_$(date +%Y%m%d_%H%M%S).log"
mkdir -p "$LOG_DIR"

# Ctrl-C on a terminal reaches everybody: what carries the output ends when the job has, not before.
exec {out}> >(trap '' INT TERM; tee -a "$log")
carrier=$!
"$@" >&"$out" 2>&1 &
job=$!
exec {out}>&-

trap 'kill -TERM "$job" 2>/dev/null || true' TERM INT

# A trap interrupts `wait`: wait again until the job has really ended.
status=0
while :; do
    wait "$job" && status=0 || status=$?
    kill -0 "$job" 2>/dev/null || break
done
wait "$carrier" 2>/dev/null || true
exit "$status"
