"""From a configuration's stages to callables.

Rule 1: each stage is built once, with everything it needs bound; `limit`, which only concerns the reader, is none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from shipper.config import stages as configured
from shipper.pipeline.entry import Stage
from shipper.pipeline.stages.detection import Auto, Detect
from shipper.pipeline.stages.editing import CutText, RemoveColours, ReplaceMatches
from shipper.pipeline.stages.extraction import ReadCri, ReadLogfmt, SearchPattern
from shipper.pipeline.stages.fields import (
    RemoveLabels,
    SetLabels,
    SetMetadata,
    SetOutput,
    SetStaticLabels,
    SetTenant,
    TakeTimestamp,
)
from shipper.pipeline.stages.filters import DropEntries, KeepEntries, SampleEntries
from shipper.pipeline.stages.objects import ReadJson

_BUILDERS: Final[dict[type, Callable[[Any, str], Stage]]] = {
    configured.Json: lambda stage, _: ReadJson(stage),
    configured.Logfmt: lambda stage, _: ReadLogfmt(stage),
    configured.Regex: lambda stage, _: SearchPattern(stage),
    configured.Detect: lambda _, __: Detect(),
    configured.Timestamp: TakeTimestamp,
    configured.Labels: lambda stage, _: SetLabels(stage),
    configured.StaticLabels: lambda stage, _: SetStaticLabels(stage),
    configured.DropLabels: lambda stage, _: RemoveLabels(stage),
    configured.Metadata: lambda stage, _: SetMetadata(stage),
    configured.Output: lambda stage, _: SetOutput(stage),
    configured.Drop: lambda stage, _: DropEntries(stage),
    configured.Keep: lambda stage, _: KeepEntries(stage),
    configured.Replace: lambda stage, _: ReplaceMatches(stage),
    configured.Decolorize: lambda stage, _: RemoveColours(stage),
    configured.Truncate: lambda stage, _: CutText(stage),
    configured.Sample: lambda stage, _: SampleEntries(stage),
    configured.Tenant: lambda stage, _: SetTenant(stage),
    configured.Cri: lambda stage, _: ReadCri(stage),
    configured.Auto: lambda _, timezone: _auto(timezone),
}
"""One for each stage of `config.stages.STAGES` but `limit`."""


def build_stages(stages: Sequence[configured.AnyStage], timezone: str) -> list[Stage]:
    """The callables of these stages, in order."""
    return [_BUILDERS[type(stage)](stage, timezone) for stage in stages if not isinstance(stage, configured.Limit)]


def _auto(timezone: str) -> Stage:
    """The built-in "json" for objects, which the stage reads itself, and "text" for the rest."""
    reader, *others = configured.JSON
    assert isinstance(reader, configured.Json)
    return Auto(ReadJson(reader), build_stages(others, timezone), build_stages(configured.TEXT, timezone))
