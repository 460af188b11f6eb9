"""How a vLLM server begins and how its engine dies, record by record; `{tag}` and `{time}` stand for themselves.

The start has 60 lines. Progress of the weights is one line a state, CR first; that of the graphs is one line of 52 and
one of 36 states. A record of several lines repeats its head and ends all lines but the last with CR LF.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

API: Final = "{tag}(APIServer pid=412) "
ENGINE: Final = "{tag}(EngineCore_DP0 pid=561) "
MODEL: Final = "/models/qwen2.5-7b-instruct-v3"
ROUTES: Final = (
    "/openapi.json GET", "/docs GET", "/docs/oauth2-redirect GET", "/redoc GET", "/health GET", "/load GET",
    "/ping GET", "/version GET", "/v1/models GET", "/metrics GET", "/tokenize POST", "/detokenize POST",
    "/v1/responses POST", "/v1/chat/completions POST", "/v1/completions POST", "/v1/embeddings POST",
    "/v1/audio/transcriptions POST", "/v1/audio/translations POST", "/inference/v1/generate POST", "/pooling POST",
    "/classify POST", "/score POST", "/rerank POST", "/v1/rerank POST", "/scale_elastic_ep POST", "/invocations POST",
)  # fmt: skip
OUT_OF_MEMORY: Final = (
    "EngineCore encountered a fatal error.",
    "Traceback (most recent call last):",
    '  File "/usr/local/lib/python3.12/dist-packages/vllm/v1/engine/core.py", line 866, in run_engine_core',
    "    engine_core.run_busy_loop()",
    '  File "/usr/local/lib/python3.12/dist-packages/vllm/v1/engine/core.py", line 893, in run_busy_loop',
    "    self._process_engine_step()",
    '  File "/usr/local/lib/python3.12/dist-packages/vllm/v1/engine/core.py", line 926, in _process_engine_step',
    "    outputs, model_executed = self.step_fn()",
    "                              ^^^^^^^^^^^^^^",
    '  File "/usr/local/lib/python3.12/dist-packages/vllm/v1/worker/gpu_model_runner.py", line 3011, in execute_model',
    "    model_output = self._model_forward(",
    "                   ^^^^^^^^^^^^^^^^^^^^",
    '  File "/usr/local/lib/python3.12/dist-packages/torch/nn/modules/module.py", line 1786, in _call_impl',
    "    return forward_call(*args, **kwargs)",
    "           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.37 GiB. GPU 0 has a total capacity of 79.11 GiB",
    "of which 1.02 GiB is free. Process 41233 has 78.08 GiB memory in use.",
)
ENGINE_DEAD: Final = (
    "AsyncLLM output_handler failed.",
    "Traceback (most recent call last):",
    '  File "/usr/local/lib/python3.12/dist-packages/vllm/v1/engine/async_llm.py", line 498, in output_handler',
    "    outputs = await engine_core.get_output_async()",
    "              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    '  File "/usr/local/lib/python3.12/dist-packages/vllm/v1/engine/core_client.py", line 899, in get_output_async',
    "    raise self._format_exception(outputs) from None",
    "vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root "
    "cause.",
)


def _info(process: str, place: str, text: str, level: str = "INFO") -> str:
    return f"{process}{level} {{time}} [{place}] {text}\n"


def _weights() -> Iterator[str]:
    """Four shards, six states and the empty end."""
    for done in (0, 1, 2, 3, 4, 4):
        clock = f"00:0{done}<00:0{4 - done},  1.31s/it" if done else "00:00<?, ?it/s"
        yield f"{ENGINE}\rLoading safetensors checkpoint shards: {25 * done:3}% Completed | {done}/4 [{clock}]\n"
    yield f"{ENGINE}\n"


def _graphs(what: str, total: int) -> str:
    """One line that holds every state from none to all."""
    states = []
    for done in range(total + 1):
        bar = "█" * (10 * done // total)
        states.append(f"\rCapturing CUDA graphs ({what}): {100 * done // total:3}%|{bar:<10}| {done}/{total}")
    return ENGINE + " [00:01<00:03, 21.80it/s]".join(states) + " [00:04<00:00,  9.81it/s]\n"


def _of_several(process: str, place: str, lines: tuple[str, ...]) -> str:
    return "\r\n".join(f"{process}ERROR {{time}} [{place}] {line}" for line in lines) + "\n"


START: Final = (
    _info(API, "api_server.py:1351", "vLLM API server version 0.13.0"),
    _info(API, "utils.py:253", f"non-default args: {{'model_tag': '{MODEL}', 'port': 8001, 'max_model_len': 32768}}"),
    _info(API, "model.py:514", "Resolved architecture: Qwen2ForCausalLM"),
    _info(API, "model.py:1661", "Using max model len 32768"),
    _info(API, "scheduler.py:230", "Chunked prefill is enabled with max_num_batched_tokens=2048."),
    _info(ENGINE, "core.py:93", f"Initializing a V1 LLM engine (v0.13.0) with config: model='{MODEL}', seed=0"),
    _info(ENGINE, "parallel_state.py:1203", "world_size=1 rank=0 local_rank=0 backend=nccl"),
    f"{ENGINE}[Gloo] Rank 0 is connected to 0 peer ranks. Expected number of connected peer ranks is : 0\n",
    _info(ENGINE, "gpu_model_runner.py:3562", f"Starting to load model {MODEL}..."),
    *_weights(),
    _info(ENGINE, "default_loader.py:308", "Loading weights took 5.83 seconds"),
    _info(ENGINE, "gpu_model_runner.py:3659", "Model loading took 14.2488 GiB memory and 6.412093 seconds"),
    _info(ENGINE, "monitor.py:34", "torch.compile takes 19.39 s in total"),
    _info(ENGINE, "gpu_worker.py:375", "Available KV cache memory: 51.07 GiB"),
    _info(ENGINE, "kv_cache_utils.py:1291", "GPU KV cache size: 956,208 tokens"),
    _info(ENGINE, "kv_cache_utils.py:1296", "Maximum concurrency for 32,768 tokens per request: 29.18x"),
    _graphs("mixed prefill-decode, PIECEWISE", 51),
    _graphs("decode, FULL", 35),
    _info(ENGINE, "gpu_model_runner.py:4587", "Graph capturing finished in 5 secs, took 0.61 GiB"),
    _info(ENGINE, "core.py:259", "init engine (profile, create kv cache, warmup model) took 33.70 seconds"),
    _info(API, "api_server.py:1099", "Supported tasks: ['generate']"),
    _info(API, "model.py:1487", "Default sampling parameters have been overridden by the model's.", "WARNING"),
    _info(API, "serving_chat.py:145", "Using default chat sampling params from model: {'top_k': 20, 'top_p': 0.8}"),
    _info(API, "api_server.py:1425", "Starting vLLM API server 0 on http://0.0.0.0:8001"),
    _info(API, "launcher.py:38", "Available routes are:"),
    *(_info(API, "launcher.py:46", "Route: {}, Methods: {}".format(*route.split())) for route in ROUTES),
    f"{API}INFO:     Started server process [412]\n",
    f"{API}INFO:     Waiting for application startup.\n",
    f"{API}INFO:     Application startup complete.\n",
)

DEATH: Final = (
    _of_several(ENGINE, "core.py:875", OUT_OF_MEMORY),
    _of_several(API, "async_llm.py:546", ENGINE_DEAD),
)
