"""A survey as one JSON document."""

from __future__ import annotations

from typing import Any

from shipper.delivery.wire import parse_labels
from shipper.pipeline.window import written
from shipper.preview.survey import Sample, Survey

TOP_VALUES = 10


def document(survey: Survey, concerns: list[str]) -> dict[str, Any]:
    """All of a survey; of many values of a label only the commonest."""
    return {
        "source": survey.source,
        "pipeline": survey.pipeline,
        "paths": list(survey.paths),
        "files": [
            {
                "path": look.path,
                "size": look.size,
                "looked_at": look.looked_at,
                "lines": look.lines,
                "unterminated": look.unterminated,
            }
            for look in survey.looks
        ],
        "containers": [
            {
                "name": found.container.name,
                "id": found.container.short,
                "image": found.container.image,
                "running": found.running,
                "included": found.verdict.included,
                "rule": found.verdict.rule,
                "labels": found.labels,
            }
            for found in survey.containers
        ],
        "unreadable": [
            {"path": trouble.path, "failure": trouble.name, "detail": trouble.detail, "hint": trouble.hint}
            for trouble in survey.troubles
        ],
        "lines": survey.lines,
        "streams": [
            {"labels": parse_labels(labels), "lines": lines, "entries": survey.entries[labels]}
            for labels, lines in survey.streams.most_common()
        ],
        "values": {
            name: {"count": len(values), "top": dict(values.most_common(TOP_VALUES))}
            for name, values in sorted(survey.values.items())
        },
        "dropped": dict(survey.dropped),
        "refused": dict(survey.refused),
        "parse_fallbacks": dict(survey.fallbacks),
        "samples": [_sample(sample) for sample in survey.samples],
        "warnings": concerns,
    }


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "timestamp": str(sample.timestamp),
        "time": written(sample.timestamp),
        "labels": parse_labels(sample.labels),
        "line": sample.text,
        "metadata": dict(sample.metadata),
    }
