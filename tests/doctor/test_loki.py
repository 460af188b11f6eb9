"""Mistakes between the agent and Loki itself: tenant, credentials, limits, clocks, and what queries show."""

from __future__ import annotations

import time
import urllib.request
from email.utils import formatdate

import pytest
from tests.doctor.machine import DAY, HOUR, Machine, limited, running, through
from tests.doctor.mistake import Book, Mistake

from shipper.devloki.limits import TenantLimits
from shipper.doctor.hop import State

book = Book()


@book.broken("loki", "access", "loki_unauthorized: 401, no org id", r'tenant = "NAME" in \[loki\]')
def tenant_missing(machine: Machine) -> None:
    machine.devloki(auth=True)


@book.doubtful("loki", "access", "tenant 'mlopps' is empty so far", "X-Scope-OrgID header of Grafana's data source")
def tenant_misspelt(machine: Machine) -> None:
    machine.devloki(auth=True)
    machine.loki = 'tenant = "mlopps"'


@book.broken("loki", "access", "loki_forbidden: 403, not your tenant", "may not use tenant 'theirs': correct tenant")
def tenant_of_others(machine: Machine) -> None:
    machine.loki = 'tenant = "theirs"'
    through(machine, query=(403, {}, "not your tenant"))


@book.broken("loki", "access", "loki_unauthorized: 401", r"basic_auth = .* or bearer_token_file in \[loki\]")
def credentials_missing(machine: Machine) -> None:
    through(machine, query=(401, {}, "Unauthorized"))


@book.broken("loki", "access", "loki_unauthorized: 401", "user 'ship' or the password in .*/password is wrong")
def password_wrong(machine: Machine) -> None:
    (machine.root / "password").write_text("hunter2\n")
    machine.loki = f'basic_auth = {{ username = "ship", password_file = "{machine.root}/password" }}'
    through(machine, query=(401, {}, "Unauthorized"))


@book.broken("source", "canary", "loki_unauthorized: 401", "the token in .*/token is not accepted")
def token_that_may_only_read(machine: Machine) -> None:
    (machine.root / "token").write_text("s3cret\n")
    machine.loki = f'bearer_token_file = "{machine.root}/token"'
    through(machine, push=(401, {}, "Unauthorized"))


@book.broken("loki", "ready", "the secret file .*/token is empty", "the secret as its only line")
def token_file_empty(machine: Machine) -> None:
    machine.devloki()
    (machine.root / "token").touch()
    machine.loki = f'bearer_token_file = "{machine.root}/token"'


@book.broken("source", "canary", "loki_wrong_method: 405", "does not accept pushes")
def a_read_path_for_the_write_path(machine: Machine) -> None:
    through(machine, push=(405, {}, ""))


@book.broken("source", "canary", "loki_blocked: 260", "ask Loki's administrator|ingestion is blocked")
def ingestion_blocked(machine: Machine) -> None:
    through(machine, push=(260, {}, "ingestion blocked"))


@book.broken("source", "canary", "rate_limited: 429 Ingestion rate limit exceeded", "Raise ingestion_rate_mb")
def rate_limit(machine: Machine) -> None:
    tiny = TenantLimits(rate=1, burst=1)
    machine.devloki(tenants={"fake": tiny})


@book.broken("source", "canary", "stream_limit: 429", "use fewer labels, or raise max_global_streams_per_user")
def stream_limit(machine: Machine) -> None:
    machine.devloki(tenants={"fake": TenantLimits(max_streams=1)})
    machine.ship()


@book.broken("source", "canary", "loki_server_error: 500, no space left on device", "look at its log")
def loki_s_own_disk_full(machine: Machine) -> None:
    through(machine, push=(500, {}, "no space left on device"))


@book.broken("source", "read back", "queries are not known here", r"query_url in \[loki\]")
def writes_and_reads_apart(machine: Machine) -> None:
    through(machine, query_range=(404, {}, "404 page not found"))


@book.broken("loki", "query connect", "nothing listens on 127.0.0.1:1 ", "correct host and port in loki.query_url")
def query_url_wrong(machine: Machine) -> None:
    machine.devloki()
    machine.loki = 'query_url = "http://127.0.0.1:1"'


@book.broken("source", "read back", "Loki took the line and no query shows it", r"compare url and query_url")
def query_url_of_another_loki(machine: Machine) -> None:
    machine.patience = 0.3
    other = machine.devloki().url
    machine.devloki()
    machine.loki = f'query_url = "{other}"'


@book.doubtful("loki", "limits", "takes lines of 1KiB, and max_line_bytes is 256KiB", 'max_line_bytes = "1KiB"')
def lines_longer_than_loki_takes(machine: Machine) -> None:
    limited(machine, max_line_size=1024)


@book.doubtful("loki", "limits", "takes entries 24h old, and max_age is 168h", 'max_age = "24h" in .loki.')
def entries_older_than_loki_takes(machine: Machine) -> None:
    limited(machine, max_age=DAY * 10**9)


@book.broken("loki", "limits", "batch_bytes is 1MiB, and Loki's burst 512KiB", 'batch_bytes = "256KiB" in .loki.')
def batches_larger_than_loki_s_burst(machine: Machine) -> None:
    limited(machine, burst=512 * 1024)


@book.doubtful("loki", "limits", "refuses entries out of order", "take that line out of Loki's limits_config")
def ordered_writes(machine: Machine) -> None:
    through(machine, config=(200, {}, "limits_config:\n  max_line_size: 256KB\n  unordered_writes: false\n"))


@book.broken("loki", "clock", "this machine's clock is 2 hours ahead of Loki's", "timedatectl set-ntp true")
def clock_ahead(machine: Machine) -> None:
    machine.answer(lambda _: (200, {"Date": formatdate(time.time() - 2 * HOUR - 60, usegmt=True)}, "ready"))


@book.doubtful("loki", "clock", "this machine's clock is 3 minutes behind Loki's", "timedatectl set-ntp true")
def clock_behind(machine: Machine) -> None:
    machine.answer(lambda _: (200, {"Date": formatdate(time.time() + 210, usegmt=True)}, "ready"))


@book.doubtful(
    "source",
    "arrival",
    "5 hours old, and Loki shows entries older than about 2.6 hours only after a flush",
    "POST http://127.0.0.1:.*/flush",
)
def old_entries_hidden_until_a_flush(machine: Machine) -> None:
    machine.devloki()
    machine.write(machine.line(5 * HOUR + 60), age=5 * HOUR + 60)
    machine.ship()
    running(machine)


@book.doubtful(
    "source",
    "arrival",
    "5 hours old, and Loki shows entries older than about 2.6 hours only after a flush",
    "POST http://127.0.0.1:.*/flush",
)
def old_entries_of_a_run_that_ended(machine: Machine) -> None:
    machine.devloki()
    machine.write(machine.line(5 * HOUR + 60), "a line without a time of its own")
    machine.ship()


@book.broken("source", "arrival", "delivered everything, and Loki does not show it", "logcli series '{")
def labels_changed_after_shipping(machine: Machine) -> None:
    machine.devloki()
    machine.ship()
    running(machine)
    machine.source = "filename_label = false"
    machine.more = '[labels]\nteam = "new"'


def test_old_entries_of_a_run_that_ended_are_found_after_a_flush(machine: Machine) -> None:
    receiver = machine.devloki()
    machine.write(machine.line(5 * HOUR + 60), "a line without a time of its own")
    machine.ship()
    urllib.request.urlopen(urllib.request.Request(f"{receiver.url}/flush", method="POST"), timeout=10).close()
    arrival = machine.examine().sections[-1].hops[-1]
    assert (arrival.name, arrival.state) == ("arrival", State.FINE)


@pytest.mark.parametrize("mistake", book.mistakes, ids=str)
def test_a_mistake_is_named_with_its_cure(machine: Machine, mistake: Mistake, loki: str) -> None:
    mistake.check(machine, loki)
