"""The journal's file: its schema, its lock, and what happens when it is damaged.

Rule 1: data_dir is 0700 and the journal 0600; both are made when they are missing.
Rule 2: a damaged journal is never deleted and never silently replaced: it is set aside under a name that says when.
Rule 3: the lock is an flock on a file beside the journal, so a killed agent leaves nothing to clean up.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from pathlib import Path

from shipper.errors import JournalError, JournalLocked

FILE_NAME = "journal.db"
SCHEMA_VERSION = 1
LETTER_OVERHEAD = 256
"""What a dead letter is counted as beside its text: its row and indexes, bytes."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sources (
    name TEXT PRIMARY KEY, demoted TEXT NOT NULL DEFAULT '[]'
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS generations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, path TEXT NOT NULL, seen_at TEXT NOT NULL,
    device INTEGER NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    settled_to INTEGER NOT NULL, fingerprint BLOB NOT NULL, at_eof INTEGER NOT NULL DEFAULT 1,
    carry BLOB, final INTEGER, finished INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS generations_by_source ON generations (source, id);
CREATE TABLE IF NOT EXISTS spans (
    id INTEGER PRIMARY KEY AUTOINCREMENT, generation INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
    clock INTEGER NOT NULL, after_eof INTEGER NOT NULL, hit_eof INTEGER NOT NULL, fingerprint BLOB NOT NULL,
    file_changed INTEGER NOT NULL, carry BLOB NOT NULL, demoted TEXT NOT NULL, epoch TEXT NOT NULL,
    settled INTEGER NOT NULL DEFAULT 0, carry_after BLOB
);
CREATE INDEX IF NOT EXISTS spans_by_generation ON spans (generation, start);
CREATE TABLE IF NOT EXISTS epochs (hash TEXT PRIMARY KEY, config BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, path TEXT NOT NULL, generation INTEGER NOT NULL,
    position INTEGER NOT NULL, length INTEGER NOT NULL, lines INTEGER NOT NULL, timestamp INTEGER NOT NULL,
    tenant TEXT NOT NULL, labels TEXT NOT NULL, text BLOB, reason TEXT NOT NULL, words TEXT NOT NULL,
    time INTEGER NOT NULL, UNIQUE (generation, position, labels)
);
"""


class Lock:
    """Exclusive use of a data_dir by one process."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._descriptor = -1

    def acquire(self) -> None:
        """Take the lock or raise JournalLocked; makes data_dir when it is missing."""
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(self._data_dir, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise JournalLocked(
                f"another shipper{f' (process {holder})' if holder else ''} runs on data_dir {self._data_dir}",
                hint="stop it, or give this one a data_dir of its own",
            ) from error
        with contextlib.suppress(OSError):  # the number is for the message above alone; a full disk must not stop us
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; nothing happens if it was not taken."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def unusable(data_dir: Path, error: OSError) -> JournalError:
    """The error for a data_dir that cannot be used."""
    return JournalError(
        f"data_dir {data_dir} cannot be used: {error.strerror or error}",
        hint="let [agent] data_dir name a directory that the agent's user may write to",
    )


def connect(data_dir: Path) -> tuple[sqlite3.Connection, Path | None]:
    """Open the journal for writing; return it and, if a damaged one had to be set aside, where that is now."""
    path = data_dir / FILE_NAME
    try:
        return _open(path), None
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise JournalError(
                f"the journal {path} cannot be opened: {error}",
                hint="mend its permissions, or free disk space under data_dir",
            ) from error
    aside = _set_aside(path)
    return _open(path), aside


def connect_readonly(data_dir: Path) -> sqlite3.Connection:
    """Open the journal for reading beside a running agent."""
    path = data_dir / FILE_NAME
    if not path.exists():
        raise JournalError(
            f"there is no journal at {path}", hint="run the agent once, or name its configuration with -c"
        )
    try:
        return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise JournalError(f"the journal {path} cannot be read: {error}", hint="mend its permissions") from error


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    try:
        path.chmod(0o600)
        database.execute("PRAGMA journal_mode = WAL")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise JournalError(
                f"the journal {path} was written by a newer shipper (schema {version})",
                hint="run that version, or give this one a data_dir of its own",
            )
        database.executescript(_SCHEMA)
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
    except BaseException:
        database.close()
        raise
    return database


def _set_aside(path: Path) -> Path:
    """Rename a damaged journal with what belongs to it."""
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside
