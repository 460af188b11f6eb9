"""An example of a training job's output: JSON events, a progress bar and a trainer's printed losses, all to stdout.

The start script carries stdout to logs/training/. JSON events get their time and level from their fields; of a progress
bar only its last state is shipped.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import time

import structlog
from tqdm import tqdm


def main() -> None:
    """Pretend to train: EPOCHS epochs of STEPS steps."""
    parser = argparse.ArgumentParser(description="an example of a training job's output")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seconds-a-step", type=float, default=0.02)
    named = parser.parse_args()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )
    log = structlog.get_logger().bind(job="training", env=os.environ.get("ENV", "development"))
    chance = random.Random(1)
    log.info("training_started", epochs=named.epochs, steps=named.steps)
    for epoch in range(1, named.epochs + 1):
        loss = 0.0
        for step in tqdm(range(named.steps), desc=f"Epoch {epoch}/{named.epochs}", file=sys.stdout):
            loss = math.exp(-(epoch - 1 + step / named.steps)) + chance.random() * 0.05
            time.sleep(named.seconds_a_step)
        print({"loss": round(loss, 4), "epoch": float(epoch)}, flush=True)  # as Hugging Face's Trainer prints it
        log.info("epoch_completed", epoch=epoch, loss=round(loss, 4))
    log.info("training_completed")


if __name__ == "__main__":
    main()
