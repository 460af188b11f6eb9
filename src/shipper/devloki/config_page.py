"""`/config` as Loki shows it: YAML, of which the part about limits is there, under Loki's names."""

from __future__ import annotations

from typing import Final

from shipper.devloki.limits import SECOND, TenantLimits
from shipper.devloki.replies import byte_size

_MIB: Final = 1 << 20
_UNITS: Final = (("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def config_page(limits: TenantLimits, *, metadata: bool) -> str:
    """The limits that tenants have by default; those of single tenants Loki shows elsewhere."""
    pairs = {
        "ingestion_rate_mb": _number(limits.rate / _MIB),
        "ingestion_burst_size_mb": _number(limits.burst / _MIB),
        "max_label_name_length": str(limits.max_label_name_length),
        "max_label_value_length": str(limits.max_label_value_length),
        "max_label_names_per_series": str(limits.max_label_names),
        "reject_old_samples": "true" if limits.max_age else "false",
        "reject_old_samples_max_age": duration(limits.max_age),
        "creation_grace_period": duration(limits.creation_grace),
        "max_line_size": byte_size(limits.max_line_size),
        "max_line_size_truncate": "true" if limits.truncate_lines else "false",
        "unordered_writes": "true",
        "per_stream_rate_limit": byte_size(limits.stream_rate),
        "per_stream_rate_limit_burst": byte_size(limits.stream_burst),
        "max_global_streams_per_user": str(limits.max_streams),
        **({"allow_structured_metadata": "true"} if metadata else {}),
    }
    return "\n".join(["limits_config:", *(f"  {name}: {value}" for name, value in pairs.items()), ""])


def duration(nanos: int) -> str:
    """A time in the largest unit that divides it: `1w`, `10m`."""
    seconds = nanos // SECOND
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds and seconds % size == 0), ("s", 1))
    return f"{seconds // size}{unit}"


def _number(value: float) -> str:
    return f"{value:g}"
