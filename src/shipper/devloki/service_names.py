"""The `service_name` Loki 3 gives to every stream that has none."""

from __future__ import annotations

from typing import Final

from shipper.devloki.labels import Labels

SERVICE_NAME: Final = "service_name"
UNKNOWN_SERVICE: Final = "unknown_service"

# Loki's default for `discover_service_name`: the first of these labels a stream has names its service.
_SOURCES: Final = (
    "service",
    "app",
    "application",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
)


def with_service_name(labels: Labels) -> Labels:
    """The labels and a `service_name`, sorted; the same object if they have one."""
    known = dict(reversed(labels))  # of two values for a name the first counts
    if SERVICE_NAME in known:
        return labels
    name = next((known[source] for source in _SOURCES if source in known), UNKNOWN_SERVICE)
    return tuple(sorted((*labels, (SERVICE_NAME, name)), key=lambda pair: pair[0]))
