"""The configuration as frozen data, every key with its sentence, kind, limits and default.

Rule 1: durations are nanoseconds, sizes are bytes, lists are tuples; a value here has been checked (`loading.load`).
Rule 2: no secret file is read into the model, and what `shipper.toml` itself may carry (headers, a password in a URL)
stays out of `repr`.
Rule 3: no I/O here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import field

from shipper.config.schema import GIB, HOUR, KIB, MIB, MILLISECOND, SECOND, Kind, key
from shipper.config.stages import (
    BUILT_IN_PIPELINES,
    STAGES,
    AnyStage,
    Auto,
    Cri,
    Decolorize,
    Detect,
    Drop,
    DropLabels,
    Json,
    Keep,
    Labels,
    Limit,
    Logfmt,
    Metadata,
    Output,
    Regex,
    Replace,
    Sample,
    Stage,
    StaticLabels,
    Tenant,
    Timestamp,
    Truncate,
)

__all__ = [
    "BUILT_IN_PIPELINES",
    "STAGES",
    "Agent",
    "AnyStage",
    "Auto",
    "Backoff",
    "BasicAuth",
    "Config",
    "Cri",
    "DeadLetters",
    "Decolorize",
    "Detect",
    "DockerRules",
    "DockerSource",
    "Drop",
    "DropLabels",
    "FileSource",
    "Json",
    "Keep",
    "Labels",
    "Limit",
    "Log",
    "Logfmt",
    "Loki",
    "Metadata",
    "Multiline",
    "Output",
    "Regex",
    "Replace",
    "ResolvedSource",
    "Sample",
    "Stage",
    "StaticLabels",
    "Tenant",
    "Timestamp",
    "Tls",
    "Truncate",
    "Web",
]

MASK: Final = "***"

MAX_BATCH_BYTES: Final = 7 * MIB // 2
"""Loki's ingesters refuse messages above 4 MiB; this leaves room for what is around the streams."""

_USER_INFO = re.compile(r"://.*@", re.DOTALL)


def without_user_info(url: str) -> str:
    """The URL with user and password masked, also where it is malformed."""
    return _USER_INFO.sub(f"://{MASK}@", url)


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of `shipper.toml`."""


class Guarded(Table, frozen=True, kw_only=True):
    """A table that may carry secrets: `repr` (and rich) show what `_shown` allows."""

    def _shown(self) -> Iterator[tuple[str, Any]]:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            yield name, without_user_info(value) if isinstance(value, str) else value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._shown())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return list(self._shown())


class Backoff(Table, frozen=True, kw_only=True):
    """The pause before a failed push is repeated: a random time up to a bound that doubles from `min` to `max`."""

    min: Annotated[int, key("The bound of the first pause.", Kind.DURATION, least=MILLISECOND)] = 500 * MILLISECOND
    max: Annotated[int, key("The bound of all later pauses.", Kind.DURATION, least=MILLISECOND)] = 30 * SECOND


class BasicAuth(Table, frozen=True, kw_only=True):
    """A user and the file that holds the password."""

    username: Annotated[str, key("The user.", Kind.NAME)]
    password_file: Annotated[
        str, key("The file that holds the password; one newline at its end is ignored.", Kind.FILE)
    ]


class Tls(Table, frozen=True, kw_only=True):
    """How a connection is secured."""

    ca_file: Annotated[str | None, key("Trust these authorities (PEM) instead of the system's.", Kind.FILE)] = None
    cert_file: Annotated[str | None, key("The client's certificate (PEM).", Kind.FILE)] = None
    key_file: Annotated[str | None, key("The key of the client's certificate (PEM).", Kind.FILE)] = None
    insecure_skip_verify: Annotated[bool, key("Accept any certificate: only for trying things.", Kind.FLAG)] = False


class Loki(Guarded, frozen=True, kw_only=True):
    """Where the logs go, and how."""

    url: Annotated[str, key("Loki's base URL, a URL with a path prefix, or the whole push URL.", Kind.URL)] = (
        "http://localhost:3100"
    )
    tenant: Annotated[str | None, key("Sent as `X-Scope-OrgID`.", Kind.TENANT)] = None
    basic_auth: Annotated[BasicAuth | None, key("Log in with a user and a password.", Kind.TABLE)] = None
    bearer_token_file: Annotated[str | None, key("The file that holds a bearer token.", Kind.FILE)] = None
    headers: Annotated[dict[str, str], key("Further headers of every request.", Kind.HEADERS)] = field(
        default_factory=dict
    )
    tls: Annotated[Tls, key("The connection's certificates.", Kind.TABLE)] = Tls()
    proxy_url: Annotated[str | None, key("An HTTP proxy for the way to Loki.", Kind.URL)] = None
    proxy_from_environment: Annotated[bool, key("Obey `HTTP_PROXY` and its relatives.", Kind.FLAG)] = False
    query_url: Annotated[
        str | None, key("Where to ask what was stored, if not at `url` (a read path of its own).", Kind.URL)
    ] = None
    batch_bytes: Annotated[
        int,
        key(
            "A batch is sent at this many bytes, uncompressed, labels included.",
            Kind.SIZE,
            least=1,
            most=MAX_BATCH_BYTES,
        ),
    ] = MIB
    batch_wait: Annotated[
        int, key("A batch is sent after this time at the latest.", Kind.DURATION, least=MILLISECOND)
    ] = SECOND
    max_in_flight: Annotated[int, key("So many pushes at once.", Kind.COUNT, least=1, most=256)] = 4
    timeout: Annotated[
        int,
        key("A push without a reply after this time is asked about, then repeated.", Kind.DURATION, least=MILLISECOND),
    ] = 10 * SECOND
    backoff: Annotated[Backoff, key("The pauses between repetitions.", Kind.TABLE)] = Backoff()
    verify: Annotated[
        Literal["auto", "never"],
        key('Ask Loki what it has before a push is repeated; `"never"`: always repeat byte for byte.', Kind.CHOICE),
    ] = "auto"
    max_age: Annotated[
        int, key('Older entries would be refused by Loki and follow `too_old`; `"0"`: no limit.', Kind.DURATION)
    ] = 168 * HOUR
    max_ahead: Annotated[
        int, key('Entries further ahead of the clock follow `too_new`; `"0"`: no limit.', Kind.DURATION)
    ] = 600 * SECOND
    too_old: Annotated[
        Literal["dead-letter", "restamp", "drop"],
        key("What becomes of entries that are too old, also of what Loki calls too far behind.", Kind.CHOICE),
    ] = "dead-letter"
    too_new: Annotated[
        Literal["dead-letter", "restamp", "drop"],
        key(
            "What becomes of entries that are too far ahead; `restamp`: they get the time of now, keep their own as "
            "metadata `original_timestamp` where the server takes it, and are counted as `restamped`.",
            Kind.CHOICE,
        ),
    ] = "restamp"

    def _shown(self) -> Iterator[tuple[str, Any]]:
        for name, value in super()._shown():
            yield name, dict.fromkeys(self.headers, MASK) if name == "headers" else value


class Web(Table, frozen=True, kw_only=True):
    """Who may see the status page from outside."""

    username: Annotated[str, key("The user; with a password the page is also there off loopback.", Kind.TEXT)] = ""
    password_file: Annotated[str, key("The file that holds the password.", Kind.FILE)] = ""
    hosts: Annotated[tuple[str, ...], key("Further `Host` names the page answers to.", Kind.NAMES)] = ()


class Log(Table, frozen=True, kw_only=True):
    """The agent's own log."""

    level: Annotated[Literal["debug", "info", "warning", "error"], key("The least level written.", Kind.CHOICE)] = (
        "info"
    )
    format: Annotated[
        Literal["auto", "console", "json"], key("auto: console on a terminal, JSON otherwise.", Kind.CHOICE)
    ] = "auto"


class DeadLetters(Table, frozen=True, kw_only=True):
    """Where lines go that Loki will never take."""

    max_bytes: Annotated[int, key("The most space they may take.", Kind.SIZE, least=MIB)] = GIB
    when_full: Annotated[
        Literal["hold", "drop-oldest"], key("Stop reading, or lose the oldest (counted).", Kind.CHOICE)
    ] = "hold"


class Agent(Table, frozen=True, kw_only=True):
    """The process itself."""

    data_dir: Annotated[str, key("The directory of the journal and the dead letters, mode 0700.", Kind.NAME)] = (
        "/var/lib/shipper"
    )
    listen: Annotated[str, key('Status page, /metrics, /-/ready and /-/healthy; `""`: nowhere.', Kind.LISTEN)] = (
        "127.0.0.1:12345"
    )
    web: Annotated[Web, key("Who may see the status page from outside.", Kind.TABLE)] = Web()
    log: Annotated[Log, key("The agent's own log.", Kind.TABLE)] = Log()
    max_line_bytes: Annotated[int, key("Longer lines are cut and marked.", Kind.SIZE, least=64, most=3 * MIB)] = (
        256 * KIB
    )
    dead_letters: Annotated[DeadLetters, key("Where lines go that Loki will never take.", Kind.TABLE)] = DeadLetters()
    held_deleted_bytes: Annotated[
        int, key("The most bytes of deleted files kept open until they are read; 0: no cap.", Kind.SIZE)
    ] = 0
    shutdown_timeout: Annotated[int, key("How long a stop waits for pushes under way.", Kind.DURATION)] = 5 * SECOND


class Multiline(Table, frozen=True, kw_only=True):
    """Joins the lines of a record to one entry: by the lines that begin one (`start`), or as a known format does it."""

    preset: Annotated[Literal["python", "vllm"] | None, key("A known format instead of `start`.", Kind.CHOICE)] = None
    start: Annotated[str, key("Searched in each line; a match begins a record.", Kind.PATTERN)] = ""
    max_lines: Annotated[int, key("A record ends after so many lines.", Kind.COUNT, least=2, most=100_000)] = 500
    max_bytes: Annotated[int, key("A record ends before it is larger.", Kind.SIZE, least=64, most=3 * MIB)] = 256 * KIB
    max_wait: Annotated[int, key("A record ends when no line came for so long.", Kind.DURATION, least=MILLISECOND)] = (
        3 * SECOND
    )


class Lines(Guarded, frozen=True, kw_only=True):
    """What every source has, whatever its lines come from."""

    name: Annotated[str, key("The source's name, in metrics and positions; each once.", Kind.NAME)]
    labels: Annotated[
        dict[str, str], key("Labels of every line; they win over `[labels]`, an empty value removes one.", Kind.LABELS)
    ] = field(default_factory=dict)
    pipeline: Annotated[str, key("The pipeline its lines take.", Kind.PIPELINE)] = "auto"
    multiline: Annotated[Multiline | None, key("Join the lines of one record.", Kind.MULTILINE)] = None
    start_at: Annotated[
        Literal["beginning", "end"], key("Where to begin with what is there at the first start.", Kind.CHOICE)
    ] = "beginning"
    timezone: Annotated[str, key("The zone of times that name none.", Kind.TIMEZONE)] = "UTC"
    encoding: Annotated[str, key("The encoding of the bytes; Loki gets UTF-8.", Kind.ENCODING)] = "utf-8"
    keep_blank_lines: Annotated[bool, key("Ship blank lines instead of dropping them.", Kind.FLAG)] = False
    max_label_values: Annotated[
        int,
        key(
            "A label with more values than this becomes structured metadata, from the next lines read on and for good.",
            Kind.COUNT,
            least=1,
        ),
    ] = 200
    to: Annotated[tuple[str, ...], key("Reserved for several destinations: not yet.", Kind.DESTINATIONS)] = ()


class FileSource(Lines, tag_field="type", tag="file", frozen=True, kw_only=True):
    """Files that grow."""

    paths: Annotated[tuple[str, ...], key("Globs (`*`, `**`, `?`, `[a-z]`, `{a,b}`) of the files.", Kind.NAMES)]
    exclude: Annotated[tuple[str, ...], key("Globs of files to leave out, by path or by name.", Kind.NAMES)] = ()
    path_labels: Annotated[
        str | None, key("Searched in the path; its named groups become labels.", Kind.PATH_LABELS)
    ] = None
    rotate_wait: Annotated[
        int, key("An unterminated rest of a rotated file is final after this time.", Kind.DURATION)
    ] = 5 * SECOND
    link_roots: Annotated[tuple[str, ...], key("Further directories that symbolic links may lead to.", Kind.NAMES)] = ()
    filename_label: Annotated[
        bool, key("The path as the label `filename`, as Alloy and Promtail set it.", Kind.FLAG)
    ] = True


class DockerRules(Table, frozen=True, kw_only=True):
    """Which containers: one is meant if of every list given here an entry matches it."""

    names: Annotated[tuple[str, ...], key("Patterns that match the whole name.", Kind.PATTERNS)] = ()
    labels: Annotated[tuple[str, ...], key("Container labels, `name` or `name=value`.", Kind.NAMES)] = ()
    images: Annotated[tuple[str, ...], key("Patterns that match the whole image reference.", Kind.PATTERNS)] = ()


class DockerSource(Lines, tag_field="type", tag="docker", frozen=True, kw_only=True):
    """The output of Docker containers."""

    host: Annotated[str, key("The Docker engine.", Kind.DOCKER_HOST)] = "unix:///var/run/docker.sock"
    tls: Annotated[
        Tls, key("The connection's certificates, for `https://`, and for `tcp://` if any is given.", Kind.TABLE)
    ] = Tls()
    include: Annotated[DockerRules, key("Only containers that match; all if empty.", Kind.TABLE)] = DockerRules()
    exclude: Annotated[DockerRules, key("Not these.", Kind.TABLE)] = DockerRules()
    own_container: Annotated[bool, key("Also the container that shipper itself runs in.", Kind.FLAG)] = False
    name_pattern: Annotated[str, key("Matches the whole name; its group is the label `container`.", Kind.CAPTURE)] = (
        "(.*)"
    )
    label_map: Annotated[dict[str, str], key("Container labels that become stream labels.", Kind.RENAMES)] = field(
        default_factory=dict
    )


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A whole `shipper.toml`, checked. `pipelines` holds the user's; `secrets` what `Masker` must hide."""

    loki: Loki = Loki()
    agent: Agent = Agent()
    labels: dict[str, str] = field(default_factory=dict)
    sources: tuple[FileSource | DockerSource, ...] = ()
    pipelines: dict[str, tuple[AnyStage, ...]] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Without secrets, wherever `${NAME}` has put them."""
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name != "secrets")
        text = f"Config({', '.join(shown)})"
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, MASK).replace(repr(secret)[1:-1], MASK)
        return text

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("shown", repr(self))]


class ResolvedSource(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a configuration that a line's labels, time and text depend on, for one source.

    It holds no secret and no handle, so the journal keeps it (as JSON, named by its epoch) while a span made with it
    is open. `labels` are the global ones and the source's own, without empty values; `stages` are the pipeline's,
    built-ins written out.
    """

    name: str
    type: Literal["file", "docker"]
    labels: dict[str, str]
    path_labels: str | None = None
    filename_label: bool = False
    name_pattern: str = "(.*)"
    label_map: dict[str, str] = field(default_factory=dict)
    pipeline: str = "auto"
    stages: tuple[AnyStage, ...] = BUILT_IN_PIPELINES["auto"]
    multiline: Multiline | None = None
    timezone: str = "UTC"
    encoding: str = "utf-8"
    keep_blank_lines: bool = False
    max_label_values: int = 200
    max_line_bytes: int = 256 * KIB
    max_age: int = 168 * HOUR
    max_ahead: int = 600 * SECOND
    too_old: Literal["dead-letter", "restamp", "drop"] = "dead-letter"
    too_new: Literal["dead-letter", "restamp", "drop"] = "restamp"
