"""The MLflow server: four kinds of text lines, each with its level somewhere else, and raw tracebacks."""

from __future__ import annotations

from shipper.demo.record import Now, Record, Records, block, mix, plain

TRACEBACK = """\
[{time} +0000] [80] [ERROR] Error handling request /api/2.0/mlflow/runs/update?run={number}
Traceback (most recent call last):
  File "/usr/local/lib/python3.11/site-packages/sqlalchemy/engine/base.py", line 1967, in _exec_single_context
    self.dialect.do_execute(
psycopg2.OperationalError: server closed the connection unexpectedly
\tThis probably means the server terminated abnormally
\tbefore or while processing request {number}.


The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/usr/local/lib/python3.11/site-packages/mlflow/server/handlers.py", line 528, in wrapper
    return func(*args, **kwargs)
sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) run {number}"""


def records(now: Now) -> Records:
    """What mlflow-server writes to `mlflow_YYYYmmdd_HHMMSS.log`."""
    number = 0
    while True:
        number += 1
        if number % 29 == 0:
            yield block(TRACEBACK.format(time=f"{now():%Y-%m-%d %H:%M:%S}", number=number), "error")
        else:
            yield KINDS[mix(number) % 4](now, number)


def _store(now: Now, number: int) -> Record:
    return plain(f"{now():%Y/%m/%d %H:%M:%S} INFO mlflow.store.db.utils: Updating database table {number}", "info")


def _gunicorn(now: Now, number: int) -> Record:
    return plain(f"[{now():%Y-%m-%d %H:%M:%S} +0000] [77] [WARNING] Worker (pid:{number}) was slow", "warning")


def _alembic(_now: Now, number: int) -> Record:
    return plain(f"INFO  [alembic.runtime.migration] Running upgrade {number:012x} -> {mix(number):012x}", "info")


def _access(now: Now, number: int) -> Record:
    return plain(f'172.18.0.2 - - [{now():%d/%b/%Y:%H:%M:%S} +0000] "GET /health?n={number} HTTP/1.1" 200 2 "-" "curl"')


KINDS = (_store, _gunicorn, _alembic, _access)
