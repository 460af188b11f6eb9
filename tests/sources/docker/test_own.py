"""Whether this process runs in a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.sources.docker.own import own_container

ID = "4f" * 32
DOCKER = f"590 580 254:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw"
PODMAN = f"590 580 0:21 /containers/storage/overlay-containers/{ID}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw"
HOST = f"31 1 254:1 /docker/containers/{ID}/mounts/shm /docker/shm rw,relatime - tmpfs shm rw"


@pytest.mark.parametrize(("mounts", "own"), [(DOCKER, ID), (f"{HOST}\n{PODMAN}\n", ID), (HOST, ""), ("", "")])
def test_the_files_an_engine_mounts_over_etc_name_the_container(tmp_path: Path, mounts: str, own: str) -> None:
    (tmp_path / "mountinfo").write_text(mounts)
    assert own_container(tmp_path / "mountinfo") == own


def test_where_nothing_tells_there_is_no_container(tmp_path: Path) -> None:
    assert own_container(tmp_path / "missing") == ""
