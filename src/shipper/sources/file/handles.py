"""Opening files: one place where errors become named failures, and where descriptors are counted.

Rule 1: a file that cannot be opened is a failure that lasts until it can be; the others go on.
Rule 2: files are opened ahead of need only while fewer than half of the allowed descriptors are taken.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shipper.failures import Failures
from shipper.sources.file.content import READ_FAILURES, Content, open_content, trouble
from shipper.sources.file.paths import label
from shipper.sources.file.recall import Place

_FEW = 64
"""Descriptors that nobody need count."""


class Handles:
    """The descriptors of one source."""

    def __init__(self, name: str, failures: Failures, *, relieve: Callable[[], None]) -> None:
        self._name = name
        self._failures = failures
        self._relieve = relieve
        self._failed: set[str] = set()
        self._opened: list[Content] = []
        self._count_at = _FEW
        """How many in `_opened` are enough to find out which of them are still open."""
        self._most = max(_FEW, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)

    def spare(self) -> bool:
        """Whether a file may be opened that need not be open yet."""
        if len(self._opened) >= self._count_at:
            self._opened = [content for content in self._opened if not content.closed]
            self._count_at = min(self._most, max(_FEW, 2 * len(self._opened)))
        return len(self._opened) < self._most

    def open(self, path: str, target: str) -> Content | None:
        """The content of the file at `target`, or None: then the failure of `path` has begun."""
        if not self.spare():
            self._relieve()
        try:
            content = open_content(target)
        except FileNotFoundError:
            return None
        except OSError as error:
            self.failed(path, error)
            return None
        self._opened.append(content)
        self.healed(path)
        return content

    def open_place(self, place: Place) -> Content | None:
        """The content of a file that was listed; None, too, if another one has taken its place since."""
        content = self.open(place.path, place.target)
        if content is None:
            return None
        info = content.stat()
        if (info.st_dev, info.st_ino) == place.key:
            return content
        content.close()
        return None

    @contextmanager
    def guard(self, path: str) -> Iterator[None]:
        """What fails in here is a failure of `path`, to be tried again at the next look."""
        try:
            yield
        except OSError as error:
            self.failed(path, error)

    def failed(self, path: str, error: OSError) -> None:
        """Name what is wrong with a file."""
        self.report(trouble(error), path, error.strerror or str(error))

    def report(self, name: str, path: str, detail: str) -> None:
        """Begin the failure `name` of a file."""
        self._failed.add(path)
        self._failures.begin(name, detail, source=self._name, what=label(path))

    def healed(self, path: str) -> None:
        """A file can be read again."""
        if path in self._failed:
            self._failed.discard(path)
            self._failures.end_all(READ_FAILURES, source=self._name, what=label(path))
