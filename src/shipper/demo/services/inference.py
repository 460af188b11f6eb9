"""The inference worker: JSON lines with nested fields and Korean text, and Python's warnings on two lines."""

from __future__ import annotations

from shipper.demo.record import Now, Record, Records, block, mix
from shipper.demo.services.structured import event

WARNING = (
    "/usr/local/lib/python3.11/site-packages/torch/cuda/__init__.py:61: FutureWarning: call {number} is deprecated.\n"
    "  import pynvml  # type: ignore[import]"
)


def records(now: Now) -> Records:
    """What the worker writes to `inference_YYYYmmdd.log`."""
    yield event(now(), "웜업 완료", "info", "inference.engine", warmup_requests=8, service="inference")
    number = 0
    while True:
        number += 1
        if number % 61 == 0:
            yield block(WARNING.replace("{number}", str(number)))
        elif number % 37 == 0:
            yield event(
                now(), "queue_full", "critical", "inference.queue", trace_id=f"{number:032x}", service="inference"
            )
        else:
            yield _completed(now, number)


def _completed(now: Now, number: int) -> Record:
    chance = mix(number)
    return event(
        now(),
        "generate_completed",
        "info",
        "inference.engine",
        trace_id=f"{number:032x}",
        model="Model1",
        prompt_tokens=chance % 4096,
        completion_tokens=(chance >> 12) % 700,
        ttft_ms=(chance >> 22) % 9000 / 100,
        finish_reason="stop" if chance & 3 else "length",
        sampling={"temperature": 0.7, "top_p": 0.8},
        service="inference",
    )
