"""Every experiment by its name, in the order in which they run."""

from __future__ import annotations

from benchmarks.experiments import (
    Experiment,
    backlog,
    containers,
    files,
    host,
    idle,
    labels,
    latency,
    lengths,
    peers,
    startup,
    throughput,
)

EXPERIMENTS: dict[str, Experiment] = {
    "throughput": throughput.run,
    "peers": peers.run,
    "startup": startup.run,
    "latency": latency.run,
    "idle": idle.run,
    "files": files.run,
    "labels": labels.run,
    "lengths": lengths.run,
    "backlog": backlog.run,
    "containers": containers.run,
    "host": host.run,
}
