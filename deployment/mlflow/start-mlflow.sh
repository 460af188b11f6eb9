#!/usr/bin/env bash
# Starts the MLflow server. Its output goes to stdout and to $LOG_DIR/mlflow_YYYYMMDD_HHMMSS.log, a file for each start, and the
# symbolic link $LOG_DIR/mlflow.log leads to the newest, for people and for `tail -F`.
#
#   BACKEND_STORE_URI (sqlite:////tmp/mlflow.db) · ARTIFACT_ROOT (/tmp/mlflow-artifacts) · MLFLOW_PORT (5050) · LOG_DIR (/logs/mlflow)
#   MLFLOW_ARGS: more arguments of `mlflow server`, separated by spaces
#
# SIGTERM and SIGINT are passed on; ends with the server's status.
set -euo pipefail

LOG_DIR=${LOG_DIR:-/logs/mlflow}
log="$LOG_DIR/mlflow_$(date +%Y%m%d_%H%M%S).log"
extra=()
read -ra extra <<<"${MLFLOW_ARGS:-}"

mkdir -p "$LOG_DIR"
touch "$log"
# Relative, so that it leads to the same file through every mount; made aside and renamed, so that it is never missing.
ln -s "$(basename "$log")" "$LOG_DIR/.mlflow.log.$$"
mv -Tf "$LOG_DIR/.mlflow.log.$$" "$LOG_DIR/mlflow.log"

exec run-logged.sh '' "$log" mlflow server \
    --host 0.0.0.0 --port "${MLFLOW_PORT:-5050}" \
    --backend-store-uri "${BACKEND_STORE_URI:-sqlite:////tmp/mlflow.db}" \
    --artifacts-destination "${ARTIFACT_ROOT:-/tmp/mlflow-artifacts}" \
    "${extra[@]}"
