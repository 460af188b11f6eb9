"""The manifests of deployment/kubernetes, as a cluster reads them: objects by their kind."""

from __future__ import annotations

from typing import Any

import yaml
from tests.deployment.checkers import ROOT

KUBERNETES = ROOT / "deployment/kubernetes"


def manifest(name: str) -> dict[str, Any]:
    """The objects of a manifest, of which there is one of each kind."""
    objects = [item for item in yaml.safe_load_all((KUBERNETES / name).read_text()) if item]
    by_kind = {item["kind"]: item for item in objects}
    assert len(by_kind) == len(objects)
    return by_kind


def configuration() -> str:
    """The shipper.toml of the ConfigMap."""
    text: str = manifest("shipper.yml")["ConfigMap"]["data"]["shipper.toml"]
    return text
