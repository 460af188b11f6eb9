"""The manifests for Kubernetes: references lead somewhere, the API is not asked, the alerts are those of the stack."""

from __future__ import annotations

import yaml
from tests.deployment.checkers import ROOT
from tests.deployment.kubernetes import configuration, manifest

from shipper.config.loading import examine_text

RULES = ROOT / "deployment/monitoring/configs/prometheus/rules/shipper-alerts.yml"


def _pod() -> dict:
    return manifest("shipper.yml")["DaemonSet"]["spec"]["template"]


def test_it_is_a_daemonset_with_its_configuration_and_service_in_one_namespace():
    objects = manifest("shipper.yml")
    assert objects.keys() == {"Namespace", "ConfigMap", "DaemonSet", "Service"}
    namespace = objects.pop("Namespace")["metadata"]["name"]
    assert {item["metadata"]["namespace"] for item in objects.values()} == {namespace}


def test_selectors_find_the_pods_and_ports_have_their_names():
    objects = manifest("shipper.yml")
    labels = _pod()["metadata"]["labels"].items()
    assert objects["DaemonSet"]["spec"]["selector"]["matchLabels"].items() <= labels
    assert objects["Service"]["spec"]["selector"].items() <= labels
    (container,) = _pod()["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": 12345}
    assert container["livenessProbe"]["httpGet"] == {"path": "/-/healthy", "port": "http"}
    assert _pod()["metadata"]["annotations"]["prometheus.io/port"] == str(ports["http"])
    assert [(port["name"], port["targetPort"]) for port in objects["Service"]["spec"]["ports"]] == [("http", "http")]


def test_each_mount_has_its_volume_and_only_positions_are_written():
    (container,) = _pod()["spec"]["containers"]
    volumes = {volume["name"]: volume for volume in _pod()["spec"]["volumes"]}
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts.keys() == volumes.keys()
    assert volumes["config"]["configMap"]["name"] == manifest("shipper.yml")["ConfigMap"]["metadata"]["name"]
    assert {mount["mountPath"] for mount in mounts.values() if not mount.get("readOnly")} == {"/var/lib/shipper"}
    assert container["args"][:2] == ["-c", mounts["config"]["mountPath"] + "/shipper.toml"]


def test_it_may_read_files_and_nothing_else():
    (container,) = _pod()["spec"]["containers"]
    allowed = container["securityContext"]
    assert _pod()["spec"]["automountServiceAccountToken"] is False
    assert allowed["capabilities"] == {"drop": ["ALL"], "add": ["DAC_READ_SEARCH"]}
    assert (allowed["readOnlyRootFilesystem"], allowed["allowPrivilegeEscalation"]) == (True, False)


def test_its_configuration_passes_the_check():
    (container,) = _pod()["spec"]["containers"]
    given = {variable["name"]: "a value" for variable in container["env"]}
    assert examine_text(configuration().encode(), "shipper.toml", given).problems == ()


def test_the_operator_scrapes_the_service_under_the_job_that_the_alerts_ask_for():
    service, monitor = manifest("shipper.yml")["Service"], manifest("alerts.yml")["ServiceMonitor"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["metadata"]["namespace"] == service["metadata"]["namespace"]
    assert {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} == {"http"}
    assert f'up{{job="{service["metadata"]["name"]}"}} == 0' in RULES.read_text()


def test_the_alerts_are_those_of_the_stack():
    assert manifest("alerts.yml")["PrometheusRule"]["spec"] == yaml.safe_load(RULES.read_text())
