"""The catalogue of named failures: what is wrong right now, since when, and what to do about it.

Rule 1: a failure is one episode per (name, source): one log line when it begins, one when it ends, none between.
Rule 2: every name has a hint that a person can act on at 3 a.m.
Rule 3: at most `CROWD` episodes of one name and source are told apart; what comes on top of them is one episode more,
        `AND_MORE`, which lasts until all of them are over. So a thousand lost files are no thousand lines and rows.
Rule 4: safe to call from any thread; callers may report the same failure as often as they like.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

HINTS: dict[str, str] = {
    # files
    "file_unreadable": "give the agent's user read permission on the file and search permission on its directories",
    "not_a_regular_file": "only regular files are read; exclude this path, or point the glob at the files in it",
    "symlink_outside": "add the link's target directory to link_roots of the source, or the target itself to paths",
    "symlink_dangling": "the link's target does not exist; create it or remove the link",
    "directory_unreadable": "give the agent's user read and search permission on the directory",
    "watch_failed": "notifications do not work here; files are still found by the sweep, up to 10 s later",
    "too_many_open_files": "raise the limit of open files (ulimit -n, LimitNOFILE=), or narrow the globs",
    "truncated_unread": "a file was truncated before it was read and no copy of the rest was found; rotate by "
    "rename, or let Loki accept more",
    "generation_lost": "a file with unread lines is gone and no rotated copy was found; keep rotated files until "
    "they are read",
    "held_deleted_full": "deleted files that were not read yet took more than held_deleted_bytes; the oldest are given "
    "up and counted (truncated_unread); let Loki accept more, keep rotated files longer, or raise the cap",
    "deleted_unread": "files were deleted before they were read, and end with this process; the next start counts "
    "them as truncated_unread. Keep rotated files longer, or let Loki accept more",
    "gzip_broken": "the compressed file is damaged; lines up to the damage were read",
    "io_error": "reading fails; look at the disk or mount (dmesg), the agent tries again by itself",
    "source_stuck": "a read or a look at a directory does not return; look at the mount (dmesg). The other sources go "
    "on, and so does this one once it returns",
    "source_failed": "the source stopped with an unexpected error and is started again with backoff; please "
    "report the error named here",
    # containers
    "docker_unreachable": "check that Docker runs and that `host` of the source names its socket; inside a container, "
    "mount the socket or use a proxy (docs/docker.md)",
    "docker_forbidden": "give the agent's user the socket's group (ls -l /var/run/docker.sock), or use a read-only "
    "socket proxy that allows /version, /events and /containers (docs/docker.md)",
    "docker_too_old": "the engine speaks no API from 1.24 on; use Docker 1.12 or newer",
    "docker_error": "the engine answers with an error; look at its log (journalctl -u docker). It is asked again",
    "docker_no_logs": "the container's logging driver keeps nothing that can be read; use json-file, local or "
    "journald, or exclude the container",
    "docker_log_broken": "the container's log is damaged or no log; lines up to the damage were read. Make the "
    "container anew to go on",
    "docker_discarded": "Docker's rotation discarded lines before they were read; raise max-size and max-file of the "
    "container's logging, or let Loki accept more",
    "container_gone": "a container was removed while the agent did not run, with whatever it had not read; stop the "
    "agent after the containers, not before",
    # pipelines
    "high_cardinality": "the label has more values than max_label_values: lines read from now on have it as structured "
    "metadata (not at all where the server takes none), lines read before keep it; take it out of the labels stage "
    "or path_labels",
    "timezone": "times are steadily ahead by whole quarter hours; set `timezone` of the source to the zone the "
    "service logs in",
    # delivery
    "loki_unreachable": "check that Loki runs and that [loki] url names it (curl URL/ready)",
    "loki_timeout": "Loki answers too slowly; look at its load, or raise [loki] timeout",
    "loki_server_error": "Loki answers with 5xx; look at its log. Nothing is lost, the agent repeats",
    "loki_unauthorized": "the credentials were refused (401); check basic_auth or bearer_token_file, and the tenant",
    "loki_forbidden": "access was refused (403); check what the credentials may do",
    "loki_not_found": "no Loki answers at this URL (404); check [loki] url: base URL, path prefix or the whole "
    "push URL",
    "loki_wrong_method": "the URL does not accept pushes (405); check [loki] url",
    "loki_redirect": "the URL redirects (3xx); put the final URL into [loki] url",
    "loki_blocked": "ingestion is blocked for this tenant (260); ask Loki's administrator",
    "loki_not_loki": "something that is not Loki answered with success; check [loki] url and any proxy between",
    "loki_bad_request": "Loki could not decode the push; a proxy may rewrite bodies. It is kept and tried again",
    "rate_limited": "Loki limits this tenant (429); the agent slows down. Raise ingestion_rate_mb, or ship less",
    "stream_rate_limited": "Loki limits this stream (429); the agent slows it down. Raise per_stream_rate_limit, "
    "or add a label that splits it",
    "stream_limit": "the tenant has too many streams (429); use fewer labels, or raise max_global_streams_per_user",
    "too_large": "a single entry is larger than the server or a proxy accepts (413): raise that limit, and the entry "
    "goes; a lower max_line_bytes keeps later lines from it",
    "verify_unavailable": "Loki cannot be queried, so repeated pushes cannot be checked first; allow reads or "
    "set [loki] query_url",
    "metadata_unsupported": "this Loki refuses structured metadata; it is left out (Loki 3.0 or newer takes it)",
    "entries_refused": "entries could not be sent; `shipper dead-letters list` has each one and why. What is too old "
    'would go with max_age = "0", if Loki takes it, or too_old = "restamp"',
    "dead_letters_full": "dead letters take all of dead_letters.max_bytes; read and purge them, or raise the limit",
    # configuration
    "reload_refused": "the agent runs on with the configuration it had; mend what is named here (shipper check), then "
    "reload again",
    # state
    "journal_write": "the journal cannot be written, so nothing is sent; free disk space under data_dir or mend "
    "its permissions",
    "journal_corrupt": "the journal was damaged and set aside; files are read as on a first start (start_at), "
    "which may repeat lines",
    "replay_missing": "lines sent before a crash could not be read again; if Loki had not stored them they are lost",
    "listen": "the status page, /metrics and /-/ready are not there; logs are shipped all the same. Free the address, "
    'or give [agent] listen another one ("" turns it off)',
    "books_unbalanced": "lines read do not equal lines accounted for; this is a bug in shipper, please report it",
}


NOTICES = frozenset(
    {
        "high_cardinality",
        "timezone",
        "watch_failed",
        "verify_unavailable",
        "metadata_unsupported",
        "rate_limited",
        "reload_refused",
    }
)
"""Failures that hold nothing back and lose nothing: a run that met them has done its work all the same."""


CROWD = 100
ENDED_KEPT = 50
AND_MORE = "and more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One episode that has not ended."""

    name: str
    source: str
    what: str
    """What of the source: a path, a stream, a label; "": all of it."""
    detail: str
    hint: str
    since: int
    """ns since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An episode that is over."""

    failure: Failure
    at: int
    """ns since 1970."""

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return (self.at - self.failure.since) / 1e9


class Failures:
    """Current failures by (name, source, what): begun and ended by whoever sees them."""

    def __init__(self, wall: Callable[[], int] = time.time_ns) -> None:
        self._wall = wall
        self._current: dict[tuple[str, str, str], Failure] = {}
        self._events: set[tuple[str, str, str]] = set()
        """Which of these are events, not states."""
        self._crowds: Counter[tuple[str, str]] = Counter()
        """Episodes by name and source, those of AND_MORE aside."""
        self._ended: deque[Ended] = deque(maxlen=ENDED_KEPT)
        self._lock = threading.Lock()
        self._log = structlog.get_logger("shipper")

    def begin(self, name: str, detail: str = "", *, source: str = "", what: str = "") -> None:
        """Say that failure `name` is there; `what` tells episodes of one source apart (a path, a stream)."""
        hint = HINTS[name]
        with self._lock:
            if (name, source, what) in self._current:
                return
            if self._crowds[name, source] >= CROWD:
                what, detail = AND_MORE, f"more than {CROWD}; the others are not told one by one"
                if (name, source, what) in self._current:
                    return
            else:
                self._crowds[name, source] += 1
            self._current[name, source, what] = Failure(
                name=name, source=source, what=what, detail=detail, hint=hint, since=self._wall()
            )
        context = {key: value for key, value in (("source", source), ("what", what), ("detail", detail)) if value}
        self._log.error(name, hint=hint, **context)

    def end(self, name: str, *, source: str = "", what: str = "") -> None:
        """Say that failure `name` is over; nothing happens if it was not there."""
        with self._lock:
            failure = self._current.pop((name, source, what), None)
            self._events.discard((name, source, what))
            if failure is None:
                return
            ended = Ended(failure=failure, at=self._wall())
            self._ended.append(ended)
            last = self._leave_crowd(name, source)
        if last and what != AND_MORE:
            self.end(name, source=source, what=AND_MORE)
        context = {key: value for key, value in (("source", source), ("what", what)) if value}
        self._log.info(f"{name}_over", lasted_seconds=round(ended.seconds, 3), **context)

    def _leave_crowd(self, name: str, source: str) -> bool:
        """One episode less; whether it was the last that was told by itself."""
        self._crowds[name, source] -= 1
        if self._crowds[name, source] > 0:
            return False
        del self._crowds[name, source]
        return True

    def end_all(self, names: tuple[str, ...], *, source: str = "", what: str = "") -> None:
        """End each of `names`."""
        for name in names:
            self.end(name, source=source, what=what)

    def once(self, name: str, detail: str = "", *, source: str = "", what: str = "") -> None:
        """An event rather than a state: stays listed until the process ends, logged once."""
        self.begin(name, detail, source=source, what=what)
        with self._lock:
            if (name, source, what) in self._current:
                self._events.add((name, source, what))

    def renew(self, name: str, detail: str) -> None:
        """Say that failure `name` is there for another reason than before: that is told, too."""
        with self._lock:
            before = self._current.pop((name, "", ""), None)
            if before is not None:
                self._leave_crowd(name, "")
        self.begin(name, detail)

    def leave(self, source: str, *, events: bool = False) -> None:
        """Nobody looks at a source any more: its states are over; `events`: forget what happened to it, too."""
        with self._lock:
            of_source = [key for key in self._current if key[1] == source]
            over = [key for key in of_source if events or key not in self._events]
        for name, _, what in over:
            self.end(name, source=source, what=what)

    def current(self) -> tuple[Failure, ...]:
        """The failures that last, oldest first."""
        with self._lock:
            return tuple(sorted(self._current.values(), key=lambda failure: failure.since))

    def ended(self) -> tuple[Ended, ...]:
        """The last episodes that ended, the latest first."""
        with self._lock:
            return tuple(reversed(self._ended))
