"""A base for the agent's image, put together from the Debian packages that are installed here: nothing is downloaded.

Rule 1: the files of the wanted packages and of all they depend on, as the packages brought them; no documentation.
Rule 2: what makes package registries reachable from here (certificates, pip's settings) does so there too.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

WANTED = ("base-files", "bash", "coreutils", "dash", "findutils", "libstdc++6", "passwd", "python3-venv")
MERGED = ("/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin")
"""Links of a Debian whose programs are all below /usr."""
MADE = ("/etc/passwd", "/etc/group", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt", "/tmp", "/root")
"""What no package brings: the installer, or whoever set up this machine, made it."""
SETTINGS = ("PIP_CERT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "HTTPS_PROXY", "NO_PROXY")
LEFT_OUT = re.compile(r"/usr/share/(doc|man|locale|info|lintian)/.")
MISSING = "needs Debian's own Python, to make a base image of: apt-get install python3-venv libstdc++6"

Needs = Mapping[str, list[list[str]]]
"""Of each package what it depends on: one name of every list."""


def can_be_made() -> bool:
    """Whether the wanted packages are installed here."""
    asked = ["dpkg-query", "--show", "--showformat=${db:Status-Status}\n", *WANTED]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return False
    return answer.stdout.split() == ["installed"] * len(WANTED)


def archive() -> bytes:
    """The base as a tar archive, for `docker import`."""
    listed = _dpkg_query("--listfiles", *_with_all_they_need(WANTED, _needs()))
    paths = {_real(path) for path in listed if path.startswith("/") and not LEFT_OUT.match(path)}
    wanted = sorted(path for path in paths.union(MERGED, MADE) if os.path.lexists(path))
    tar = ["tar", "--create", "--no-recursion", "--files-from=-"]
    return subprocess.run(tar, input="\n".join(wanted).encode(), capture_output=True, check=True).stdout


def settings() -> list[str]:
    """Instructions of a Dockerfile that give pip there the settings it has here."""
    return [f"ENV {name}={os.environ[name]}" for name in SETTINGS if name in os.environ]


def _needs() -> Needs:
    """Of each package installed here; a name that others provide is a package that needs its provider."""
    found: dict[str, list[list[str]]] = {}
    provided: dict[str, list[list[str]]] = {}
    for line in _dpkg_query("--show", "--showformat=${binary:Package}\t${Pre-Depends}, ${Depends}\t${Provides}\n"):
        package, needs, provides = line.split("\t")
        found[package] = [[_name(one) for one in group.split("|")] for group in needs.split(",") if group.strip()]
        names = {package.partition(":")[0], *map(_name, provides.split(","))} - {package, ""}
        provided |= {name: [[package]] for name in names}
    return provided | found


def _with_all_they_need(wanted: Iterable[str], needs: Needs) -> list[str]:
    """The wanted packages and those they depend on, by the names dpkg knows them by."""
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        package = waiting.pop()
        if package not in found:
            found.add(package)
            waiting += [next(name for name in group if name in needs) for group in needs[package]]
    return sorted(found & set(_dpkg_query("--show", "--showformat=${binary:Package}\n")))


def _name(dependency: str) -> str:
    """`python3:any (>= 3.11)` without its architecture and version."""
    return re.split(r"[\s:(]", dependency.strip(), maxsplit=1)[0]


def _real(path: str) -> str:
    """Where a file is: a package may say /bin/sh for /usr/bin/sh."""
    parent, name = os.path.split(path)
    return str(Path(parent).resolve() / name)


def _dpkg_query(*arguments: str) -> list[str]:
    answer = subprocess.run(["dpkg-query", *arguments], capture_output=True, text=True, check=True)
    return answer.stdout.splitlines()
