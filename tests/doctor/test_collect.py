"""Mistakes in what is to be read: files, links, permissions, containers."""

from __future__ import annotations

import errno
import gzip
import os
import socket
import time
from typing import Any

import orjson
import pytest
from tests.doctor.machine import DAY, Answer, Machine, Reply
from tests.doctor.mistake import Book, Mistake

from shipper.sources.file import content

book = Book()


@book.broken("source", "discover", r"/none/\*.log matches no file now.*no directory .*/none", "ls -la .*/none")
def glob_in_a_wrong_directory(machine: Machine) -> None:
    machine.paths = "none/*.log"


@book.broken("source", "discover", "/application.log matches no file now", r'paths = \[".*/app.log"\]')
def glob_that_matches_nothing(machine: Machine) -> None:
    machine.paths = "application.log"


@book.broken("source", "discover", r"matches 1 file, and exclude leaves all out: \*.log", r"take \*.log out of exclude")
def everything_excluded(machine: Machine) -> None:
    machine.source = 'exclude = ["*.log", "*.gz"]'


@book.broken("source", "permissions", "app.log: file_unreadable: Permission denied", "read permission on the file")
def file_unreadable(machine: Machine) -> None:
    genuine = content.os.open

    def refuse(path: Any, *rest: Any, **more: Any) -> int:
        if str(path).endswith("app.log"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return genuine(path, *rest, **more)

    machine.patch.setattr(content.os, "open", refuse)


@book.broken("source", "permissions", "logs: directory_unreadable: Permission denied", "permission on the directory")
def directory_unreadable(machine: Machine) -> None:
    genuine = os.scandir

    def refuse(path: Any = ".") -> Any:
        if str(path) == str(machine.logs):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return genuine(path)

    machine.patch.setattr(os, "scandir", refuse)


@book.broken("source", "discover", "gone.log: symlink_dangling", "create it or remove the link")
def link_that_leads_nowhere(machine: Machine) -> None:
    (machine.logs / "gone.log").symlink_to(machine.root / "nowhere.log")


@book.broken("source", "discover", "out.log: symlink_outside: it leads to .*/elsewhere/x.log", "link_roots")
def link_out_of_the_roots(machine: Machine) -> None:
    machine.write("x", path=machine.root / "elsewhere" / "x.log")
    (machine.logs / "out.log").symlink_to(machine.root / "elsewhere" / "x.log")


@book.broken("source", "discover", "dir.log: not_a_regular_file: a directory", "point the glob at the files in it")
def glob_that_names_a_directory(machine: Machine) -> None:
    (machine.logs / "dir.log").mkdir()


@book.doubtful("source", "freshness", "all that was found is empty", "logs to stdout only")
def file_empty(machine: Machine) -> None:
    machine.write()


@book.doubtful("source", "freshness", "nothing was written for 3 days", "ls -lat .*/logs")
def file_stale(machine: Machine) -> None:
    machine.write(machine.line(3 * DAY + 60), age=3 * DAY + 60)


@book.doubtful("source", "freshness", r"last line \(4 bytes\) has no newline, so it is not shipped", "end each line")
def line_that_never_ends(machine: Machine) -> None:
    machine.log.write_bytes(machine.log.read_bytes() + b"half")
    os.utime(machine.log, (0, time.time() - 100))


@book.broken("source", "freshness", "app.log: UTF-16, and the source reads utf-8", "iconv -f UTF-16 -t UTF-8")
def utf_16(machine: Machine) -> None:
    machine.log.write_bytes("hello\nworld\n".encode("utf-16"))


@book.broken("source", "freshness", r"old.log.zst: compressed \(zstd\)", r'exclude = \["\*.zst"\]')
def compressed_in_a_way_nobody_reads(machine: Machine) -> None:
    machine.paths = "*.log*"
    (machine.logs / "old.log.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(range(60)))


@book.doubtful("source", "freshness", r"old.log.gz: compressed \(gzip\)", r'exclude = \["\*.gz"\]')
def compressed_copies_matched(machine: Machine) -> None:
    machine.paths = "*.log*"
    (machine.logs / "old.log.gz").write_bytes(gzip.compress(b'{"event": "old"}\n'))


@book.broken("source", "discover", "docker_unreachable: .*nowhere.sock", "mount the socket or use a proxy")
def docker_socket_missing(machine: Machine) -> None:
    machine.docker = f"unix://{machine.root}/nowhere.sock"


@book.broken("source", "discover", "docker_unreachable: .*Connection refused", "check that Docker runs")
def docker_down(machine: Machine) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(machine.root / "docker.sock"))
    left.close()
    machine.docker = f"unix://{machine.root}/docker.sock"


@book.broken("source", "permissions", "docker_forbidden: .*permission denied", "socket's group")
def docker_socket_forbidden(machine: Machine) -> None:
    docker_down(machine)
    genuine = os.access
    machine.patch.setattr(os, "access", lambda path, mode: "docker.sock" not in str(path) and genuine(path, mode))


@book.broken("source", "permissions", "docker_forbidden: 403: Forbidden", "socket proxy that allows /version")
def docker_proxy_that_allows_too_little(machine: Machine) -> None:
    machine.engine(lambda _: (403, {}, orjson.dumps({"message": "Forbidden"})))


@book.broken("source", "discover", "web/stdout: docker_no_logs: .*does not support reading", "use json-file, local or")
def logging_driver_that_keeps_nothing(machine: Machine) -> None:
    machine.engine(docker(logs=(500, {}, b'{"message": "configured logging driver does not support reading"}')))


@book.broken("source", "discover", r"no container .* is meant \(web: no include rule matches\)", "docker ps")
def no_container_meant(machine: Machine) -> None:
    machine.engine(docker())
    machine.source = 'include = { names = ["api-.*"] }'


@pytest.mark.parametrize("mistake", book.mistakes, ids=str)
def test_a_mistake_is_named_with_its_cure(machine: Machine, mistake: Mistake, loki: str) -> None:
    mistake.check(machine, loki)


def docker(logs: Reply = (200, {}, b"")) -> Answer:
    """An engine with one container called web."""
    described = {
        "Id": "a1",
        "Name": "/web",
        "State": {"Running": True},
        "Config": {"Image": "app:1", "Labels": {}, "Tty": True},
        "HostConfig": {"LogConfig": {"Type": "none"}},
    }

    def answer(path: str) -> Reply:
        if path == "/version":
            return 200, {}, orjson.dumps({"ApiVersion": "1.41", "MinAPIVersion": "1.12"})
        if "/logs" in path:
            return logs
        return 200, {}, orjson.dumps([{"Id": "a1"}] if "/containers/json" in path else described)

    return answer
