"""The journal's file: its schema, its lock, and what happens when it is damaged.

Rule 1: data_dir is 0700 and the journal 0600; both are made when they are missing.
Rule 2: a damaged journal is never deleted and never silently replaced: it is set aside under a name that says when.
Rule 3: tables and schema version are made in one transaction: a file of version 0, left by a start that failed, is no
        journal yet, and the next start makes one of it.
Rule 4: paths are kept as the bytes they are, though they need not be UTF-8: `kept_path` writes them into a TEXT column
        (`CAST(? AS TEXT)`), and every text is read with surrogates for bytes that are not.
Rule 5: the lock is an flock on a file beside the journal, so a killed agent leaves nothing to clean up.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
import time
from pathlib import Path

from shipper.errors import JournalError, JournalLocked

FILE_NAME = "journal.db"
SCHEMA_VERSION = 4
LETTER_OVERHEAD = 256
"""What a dead letter is counted as beside its text: its row and indexes, bytes."""

LEAST_FREE = 1 << 20
"""With less than this free on its disk an error of the journal says how much that is, bytes."""

_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS sources (
    name TEXT PRIMARY KEY, demoted TEXT NOT NULL DEFAULT '[]',
    truncated_unread INTEGER NOT NULL DEFAULT 0, replay_missing INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS generations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, path TEXT NOT NULL, seen_at TEXT NOT NULL,
    device INTEGER NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    settled_to INTEGER NOT NULL, fingerprint BLOB NOT NULL, at_eof INTEGER NOT NULL DEFAULT 1,
    carry BLOB, final INTEGER, finished INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0,
    facts TEXT NOT NULL DEFAULT '[]', settled_row INTEGER NOT NULL DEFAULT 0
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
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""

_CHANGES = {
    2: (
        "ALTER TABLE sources ADD COLUMN truncated_unread INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE sources ADD COLUMN replay_missing INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE generations ADD COLUMN gone INTEGER NOT NULL DEFAULT 0",
    ),
    3: ("ALTER TABLE generations ADD COLUMN facts TEXT NOT NULL DEFAULT '[]'",),
    4: ("ALTER TABLE generations ADD COLUMN settled_row INTEGER NOT NULL DEFAULT 0",),
}
"""What makes a journal of the version before one of this version."""


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


def holder(data_dir: Path) -> str:
    """The process that holds the lock of data_dir ("?" if it did not say); "" if none does. Writes nothing.

    A shared lock is tried for and given back at once. Raises PermissionError.
    """
    try:
        descriptor = os.open(data_dir / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "?"
    finally:
        os.close(descriptor)
    return ""


class Transaction:
    """One transaction: all or nothing, errors translated."""

    def __init__(self, database: sqlite3.Connection, *, durable: bool) -> None:
        self._database = database
        self._durable = durable

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._database.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
            self._database.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise unwritable(error) from error
        return self._database

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is None:
            try:
                self._database.execute("COMMIT")
            except sqlite3.Error as failed:
                self._roll_back()
                raise unwritable(failed) from failed
            return
        self._roll_back()
        if isinstance(error, sqlite3.Error):
            raise unwritable(error) from error

    def _roll_back(self) -> None:
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")


def unwritable(error: sqlite3.Error) -> JournalError:
    """The error for a journal that takes no more."""
    return JournalError(f"the journal cannot be written: {error}", hint="free disk space under data_dir")


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
            raise unreadable(error, path) from error
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
        return _open_readonly(path)
    except sqlite3.Error as error:
        raise unreadable(error, path) from error


def unreadable(error: sqlite3.Error, path: Path | None = None) -> JournalError:
    """The error for a journal that cannot be opened or read: damaged, or out of reach."""
    if not isinstance(error, sqlite3.OperationalError):
        return JournalError(
            f"the journal is damaged: {error}", hint="start the agent once: it sets a damaged journal aside"
        )
    free = shutil.disk_usage(path.parent).free if path is not None else LEAST_FREE
    room = f" (free on its disk: {free} bytes)" if free < LEAST_FREE else ""
    return JournalError(
        f"the journal{f' {path}' if path else ''} cannot be opened: {error}{room}",
        hint="mend its permissions, or free disk space under data_dir; reading takes some, too",
    )


def _version(database: sqlite3.Connection, path: Path) -> int:
    """The schema version, 0 for an empty file; JournalError for one that this shipper does not know."""
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise JournalError(
            f"the journal {path} was written by a newer shipper (schema {version})",
            hint="run that version, or give this one a data_dir of its own",
        )
    return version


def _open_readonly(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        version = _version(database, path)
        if version == 0:
            raise JournalError(
                f"the journal {path} is empty: no start of the agent has succeeded here yet",
                hint="start the agent (shipper --once) and mend what it complains of; nothing is lost",
            )
        if version < SCHEMA_VERSION:
            raise JournalError(
                f"the journal {path} was written by an older shipper (schema {version})",
                hint="start the agent once: it brings the journal up to date, and keeps every position",
            )
    except BaseException:
        database.close()
        raise
    database.text_factory = _text
    return database


def kept_path(path: str) -> bytes:
    """A path as the journal keeps it."""
    return path.encode("utf-8", "surrogateescape")


def _text(kept: bytes) -> str:
    return kept.decode("utf-8", "surrogateescape")


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    database.text_factory = _text
    try:
        path.chmod(0o600)
        database.execute("PRAGMA journal_mode = WAL")
        _change(database, _version(database, path))
        # Written at every start: an agent that could not write would only pretend to run.
        database.executescript(_SCHEMA)
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
    except BaseException:
        database.close()
        raise
    return database


def _change(database: sqlite3.Connection, version: int) -> None:
    """Make a journal of an earlier version one of this version, step by step; a new one (version 0) is left alone."""
    for later in range(version + 1, SCHEMA_VERSION + 1) if version else ():
        database.execute("BEGIN IMMEDIATE")
        for change in _CHANGES[later]:
            database.execute(change)
        database.execute(f"PRAGMA user_version = {later}")
        database.execute("COMMIT")


def _set_aside(path: Path) -> Path:
    """Rename a damaged journal with what belongs to it."""
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside
