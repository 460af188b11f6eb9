"""The compose files as Docker Compose's own loader reads them: what is published where, and who may do what."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.deployment.checkers import ROOT
from tests.deployment.compose import Compose

pytestmark = pytest.mark.e2e

FILES = sorted(path.name for path in (ROOT / "docker").glob("docker-compose*.yml"))
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z0-9_]+)")
EXAMPLE = (ROOT / "docker/.env.example").read_text()
PORTS = {
    "POSTGRES_PORT": ("postgres", 5432),
    "MINIO_PORT": ("minio", 9000),
    "MINIO_CONSOLE_PORT": ("minio", 9001),
    "MLFLOW_PORT": ("mlflow-server", 5050),
    "MODEL_1_PORT": ("vllm-server", 8000),
    "MODEL_2_PORT": ("vllm-server", 8001),
    "FASTAPI_EXTERNAL_PORT": ("fastapi-server", 8080),
    "LOKI_PORT": ("loki", 3100),
    "PROMETHEUS_PORT": ("prometheus", 9090),
    "GRAFANA_PORT": ("grafana", 3000),
    "SHIPPER_PORT": ("shipper", 12345),
}
"""What publishes which port of which service; its default is the same port."""


@pytest.fixture
def compose(tmp_path: Path) -> Compose:
    return Compose(tmp_path)


def _published(project: Any) -> dict[tuple[str, int], int]:
    return {
        (name, port["target"]): int(port["published"])
        for name, service in project["services"].items()
        for port in service.get("ports", ())
    }


def _shippers(project: Any) -> list[Any]:
    return [service for name, service in project["services"].items() if name.startswith("shipper")]


def _mounts(service: Any) -> dict[str, Any]:
    return {volume["target"]: volume for volume in service.get("volumes", ())}


@pytest.mark.parametrize("file", FILES)
def test_the_example_settings_are_the_defaults(compose, file):
    assert compose.load(file, EXAMPLE) == compose.load(file)


def test_every_setting_is_in_the_example():
    texts = [(ROOT / "docker" / file).read_text() for file in FILES]
    used = {name for text in texts for line in text.splitlines() for name in VARIABLE.findall(line.partition("#")[0])}
    assert used == set(re.findall(r"^(?:# )?([A-Z0-9_]+)=", EXAMPLE, re.MULTILINE)) - {"COMPOSE_PROFILES", "DOCKER_GID"}


def test_each_port_is_published_by_its_variable(compose):
    assert _published(compose.load()) == {place: place[1] for place in PORTS.values()}
    moved = {name: 20_000 + at for at, name in enumerate(PORTS)}
    settings = "".join(f"{name}={port}\n" for name, port in moved.items())
    assert _published(compose.load(settings=settings)) == {place: moved[name] for name, place in PORTS.items()}


@pytest.mark.parametrize("file", FILES)
def test_ports_are_published_on_loopback_unless_they_are_opened(compose, file):
    for settings, address in (("", "127.0.0.1"), ("BIND_ADDRESS=0.0.0.0", "0.0.0.0")):
        services = compose.load(file, settings)["services"].values()
        addresses = {port.get("host_ip") for service in services for port in service.get("ports", ())}
        assert addresses == {address}


def test_containers_have_the_names_that_users_know(compose):
    for file in ("docker-compose.yml", "docker-compose.quickstart.yml"):
        for name, service in compose.load(file)["services"].items():
            assert service["container_name"] == f"mlops-{name}"


@pytest.mark.parametrize("file", FILES)
def test_nobody_is_privileged_or_holds_the_docker_socket(compose, file):
    for name, service in compose.load(file)["services"].items():
        assert not service.get("privileged"), name
        assert not service.get("cap_add"), name
        assert not [mount for mount in _mounts(service) if "docker.sock" in mount], name


@pytest.mark.parametrize("file", [file for file in FILES if "mlflow" not in file and "serving" not in file])
def test_the_shipper_writes_to_its_volume_alone_and_may_do_nothing(compose, file):
    shippers = _shippers(compose.load(file))
    assert shippers
    for shipper in shippers:
        assert (shipper["read_only"], shipper["cap_drop"]) == (True, ["ALL"])
        assert shipper["security_opt"] == ["no-new-privileges:true"]
        written = {target: mount["type"] for target, mount in _mounts(shipper).items() if not mount.get("read_only")}
        assert written == {"/var/lib/shipper": "volume"}
        assert [target for target in _mounts(shipper) if target.split("/")[1] == "logs"]


def test_shippers_that_share_a_host_share_neither_positions_nor_logs(compose):
    mounts = [_mounts(shipper) for shipper in _shippers(compose.load("docker-compose.scale.yml"))]
    assert len(mounts) == 2
    private = [{mount["source"] for target, mount in of.items() if target != "/etc/shipper"} for of in mounts]
    assert private[0] & private[1] == set()


def test_who_writes_logs_writes_them_where_the_shipper_reads(compose):
    services = compose.load()["services"]
    read = _mounts(services["shipper"])["/logs"]["source"]
    assert read == str(compose.root / "logs")
    for name in ("vllm-server", "fastapi-server", "mlflow-server"):
        assert _mounts(services[name])["/logs"]["source"] == read
        assert services[name]["environment"]["LOG_DIR"] == f"/logs/{name.removesuffix('-server')}"
    quick = compose.load("docker-compose.quickstart.yml")["services"]
    assert _mounts(quick["log-generator"])["/logs"]["source"] == _mounts(quick["shipper"])["/logs"]["source"]


@pytest.mark.parametrize("file", FILES)
def test_what_is_mounted_or_built_from_the_repository_is_there_and_no_volume_is_left_over(compose, file):
    project = compose.load(file)
    used = set()
    for service in project["services"].values():
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()
        for mount in _mounts(service).values():
            used.add(mount["source"])
            place = Path(mount["source"])
            if place.is_relative_to(compose.root / "deployment"):
                assert (ROOT / place.relative_to(compose.root)).exists(), place
    assert set(project.get("volumes", ())) <= used


def test_names_that_configurations_reach_are_those_of_containers(compose):
    names = {service["container_name"] for service in compose.load()["services"].values()}
    configs = ROOT / "deployment/monitoring/configs"
    for text in (configs.joinpath(path).read_text() for path in ("prometheus/prometheus.yml", "shipper/shipper.toml")):
        assert set(re.findall(r"(mlops-[a-z-]+):\d", text)) <= names
    environments = [service.get("environment", {}) for service in compose.load()["services"].values()]
    reached = {
        name for of in environments for name in re.findall(r"//(mlops-[a-z-]+):", " ".join(map(str, of.values())))
    }
    assert reached <= names
