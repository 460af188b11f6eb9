"""A training run: JSON on stdout and tqdm's bars on stderr, both in one file, so one line may hold many redraws."""

from __future__ import annotations

from shipper.demo.record import Line, Now, Record, Records, block, plain
from shipper.demo.services.structured import event

BOUND = {"service": "training", "run_id": "9f3c51b2"}


def records(now: Now) -> Records:
    """What the trainer writes to `train_YYYYmmdd_HHMMSS.log`."""
    step = 0
    while True:
        step += 1
        if step % 17 == 0:
            yield _bar(step)
        elif step % 11 == 0:
            yield _through_the_bar(step)
        elif step % 31 == 0:
            yield event(now(), "loss_is_nan", "error", "training.trainer", loss=float("nan"), step=step, **BOUND)
        elif step % 43 == 0:
            yield block(f"/app/train.py:41: FutureWarning: step {step} uses an old scheduler\n  scheduler.step()")
        elif step % 47 == 0:
            yield _native(now, step)
        else:
            yield event(now(), "eval_metric", "info", "training.eval", step=step, name="정확도", value=0.85, **BOUND)


def _native(now: Now, step: int) -> Record:
    """A warning from PyTorch's C++ side: month without a leading zero, day, nanoseconds."""
    moment = now()
    head = f"[rank0]:[W{moment.month}{moment:%d %H:%M:%S}.{moment.microsecond:06d}118 ProcessGroupNCCL.cpp:1496]"
    return plain(f"{head} Warning: step {step} was slow")


def _bar(step: int) -> Record:
    """A bar that is redrawn twenty times and closed: one physical line, of which the last state counts."""
    states = [
        f"Epoch {step}: {done * 5:3d}%|{'█' * (done // 2):<10}| {done}/20 [00:01<00:01,  9.1it/s]" for done in range(21)
    ]
    return Record(("".join(f"\r{state}" for state in states) + "\n").encode(), (Line(states[-1]),), torn=True)


def _through_the_bar(step: int) -> Record:
    """A step's metrics, written after the bar was wiped: a Python dict, not JSON."""
    text = f"{{'loss': 2.1, 'learning_rate': 2e-05, 'step': {step}}}"
    return Record(f"\r{' ' * 60}\r{text}\n".encode(), (Line(text),))
