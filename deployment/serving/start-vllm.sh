#!/usr/bin/env bash
# Starts one vLLM server for each enabled model and waits for them. Each model's output goes, with the prefix [ModelN], to
# stdout and to $LOG_DIR/modelN_YYYYMMDD_HHMMSS.log: a file for each start, which nothing truncates.
#
#   MODEL_N_ENABLED (false) · MODEL_N_PATH · MODEL_N_GPU · MODEL_N_PORT · MODEL_N_GPU_MEMORY (0.9) · MODEL_N_MAX_LEN (4096), N = 1, 2
#   MODEL_N_ARGS: more arguments of `vllm serve`, separated by spaces · LOG_DIR (/logs/vllm)
#
# Ends with the status of the first model that ends, after it has ended the other one: a container that restarts is seen,
# half a service is not. SIGTERM and SIGINT are passed on.
set -euo pipefail

LOG_DIR=${LOG_DIR:-/logs/vllm}
started=$(date +%Y%m%d_%H%M%S)
pids=()

say() { printf '%s start-vllm: %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" "$*"; }

# The setting NAME of model N, or a default: setting 1 PORT 8000
setting() {
    local name="MODEL_$1_$2"
    printf '%s' "${!name:-${3:-}}"
}

start() {
    local n=$1 path gpu port log extra=()
    path=$(setting "$n" PATH)
    gpu=$(setting "$n" GPU $((n - 1)))
    port=$(setting "$n" PORT $((7999 + n)))
    log="$LOG_DIR/model${n}_$started.log"
    if [ -z "$path" ]; then
        say "MODEL_${n}_ENABLED is true and MODEL_${n}_PATH is empty: set it to a directory or a model's name" >&2
        end
        exit 2
    fi
    read -ra extra <<<"$(setting "$n" ARGS)"
    say "model $n: $path on GPU $gpu, port $port, log $log"
    CUDA_VISIBLE_DEVICES=$gpu PYTHONUNBUFFERED=1 NO_COLOR=1 run-logged.sh "[Model$n] " "$log" vllm serve "$path" \
        --host 0.0.0.0 --port "$port" \
        --gpu-memory-utilization "$(setting "$n" GPU_MEMORY 0.9)" \
        --max-model-len "$(setting "$n" MAX_LEN 4096)" \
        "${extra[@]}" &
    pids+=($!)
}

# Ends what still runs, and waits until the last of its output is written. A job that has only just been started may miss a
# signal, and passes on only the first one it gets: so it is asked until it is gone.
end() {
    trap '' TERM INT
    while [ ${#pids[@]} -gt 0 ] && kill -TERM "${pids[@]}" 2>/dev/null; do
        sleep 0.2
    done
    wait
}

trap 'say "asked to end"; end; exit 143' TERM INT
for n in 1 2; do
    if [ "$(setting "$n" ENABLED false)" = true ]; then start "$n"; fi
done
if [ ${#pids[@]} -eq 0 ]; then
    say "no model is enabled: set MODEL_1_ENABLED=true and MODEL_1_PATH in docker/.env" >&2
    exit 2
fi

status=0
wait -n "${pids[@]}" || status=$?
say "a model has ended with status $status; the others are ended too"
end
exit "$status"
