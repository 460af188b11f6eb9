"""A Docker engine of the harness's own, spoken to over its socket: it may be restarted, and nothing else runs on it."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.torture.agent import Failed

IMAGE = "shipper-test"
PATIENCE = 60.0
MISSING = "needs dockerd and a static busybox, as root: apt-get install docker.io busybox-static"


def can_run() -> bool:
    """Whether an engine can be started here."""
    return os.geteuid() == 0 and shutil.which("dockerd") is not None and shutil.which("busybox") is not None


@contextmanager
def engine() -> Iterator[Dockerd]:
    """An engine with the image; it goes with all that is in it."""
    if not can_run():
        raise Failed(MISSING)
    made = Dockerd()
    made.start()
    try:
        made.import_image()
        yield made
    finally:
        made.remove()


class Dockerd:
    """A dockerd with a data directory of its own."""

    def __init__(self) -> None:
        # Short: containerd's sockets are below it, and a socket's path has at most 107 bytes.
        self.root = Path(tempfile.mkdtemp(prefix="shd", dir="/tmp"))
        self.socket = self.root / "sock"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        log = (self.root / "log").open("ab")
        command = ["dockerd", "--iptables=false", "--bridge=none"]
        places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
        command += [f"--{option}={self.root / name}" for option, name in places.items()]
        self.process = subprocess.Popen([*command, f"--host={self.host}"], stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"dockerd does not start:\n{(self.root / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        """Leave nothing behind."""
        for container in self.call("GET", "/containers/json?all=true"):
            self.call("DELETE", f"/containers/{container['Id']}?force=true", ok=(204, 404, 409))
        self.stop()
        # dockerd does not unmount the host's network namespace, which a build on the host's network has it mount.
        mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for place in [place for place in mounted if place.startswith(f"{self.root}/")]:
            subprocess.run(["umount", place], check=True)
        shutil.rmtree(self.root, ignore_errors=True)

    def call(self, method: str, path: str, body: Any = None, *, ok: tuple[int, ...] = (200, 201, 204, 304)) -> Any:
        """One request to the API; what it answers."""
        raw = isinstance(body, bytes)
        data = body if raw or body is None else json.dumps(body).encode()
        with contextlib.closing(_UnixConnection(str(self.socket))) as connection:
            connection.request(method, path, data, {"Content-Type": "application/x-tar" if raw else "application/json"})
            response = connection.getresponse()
            answer = response.read()
        assert response.status in ok, (method, path, response.status, answer)
        return json.loads(answer) if answer.startswith((b"[", b"{")) and not raw else answer

    def import_image(self) -> None:
        """An image made of nothing but busybox."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(shutil.which("busybox") or "/bin/busybox", "bin/busybox")
            for name in ("sh", "sleep", "usleep", "head", "yes", "tr"):
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
        self.call("POST", f"/images/create?fromSrc=-&repo={IMAGE}", archive.getvalue())

    def run(
        self,
        name: str,
        script: str,
        *,
        labels: dict[str, str] | None = None,
        tty: bool = False,
        log: dict[str, Any] | None = None,
        remove: bool = False,
        always: bool = False,
    ) -> str:
        """Run a container with a shell script; return its id."""
        host = {"NetworkMode": "none", "AutoRemove": remove} | ({"LogConfig": log} if log else {})
        host |= {"RestartPolicy": {"Name": "always"}} if always else {}
        wanted = {"Image": IMAGE, "Cmd": ["sh", "-c", script], "Labels": labels or {}, "Tty": tty, "HostConfig": host}
        identity: str = self.call("POST", f"/containers/create?name={quote(name)}", wanted)["Id"]
        self.call("POST", f"/containers/{identity}/start")
        return identity

    def lines(self, identity: str, stream: str) -> list[str]:
        """The lines of a stream as Docker has them, if none of them is in pieces."""
        log = self.call("GET", f"/containers/{identity}/logs?{stream}=1")
        found, at = [], 0
        while at < len(log):
            size = int.from_bytes(log[at + 4 : at + 8], "big")
            found.append(log[at + 8 : at + 8 + size].removesuffix(b"\n").decode())
            at += 8 + size
        return found

    def wait(self, identity: str) -> None:
        """Wait until a container has exited."""
        self.call("POST", f"/containers/{identity}/wait")

    def _answers(self) -> bool:
        try:
            self.call("GET", "/version")
        except (OSError, http.client.HTTPException):
            return False
        return True


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self._path)
