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
exec run-logged.sh '' "${LOG_DIR:-/logs/training}/train_$(date +%Y%m%d_%H%M%S).log" "$@"
