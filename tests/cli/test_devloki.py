"""`shipper devloki`: the command as a process."""

import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from click.testing import CliRunner

from shipper.cli.devloki import devloki

COMMAND = [sys.executable, "-c", "from shipper.cli.devloki import devloki; devloki()"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_ends_cleanly_on_a_signal(stop):
    process = subprocess.Popen(
        [*COMMAND, "--listen", "127.0.0.1:0", "--as", "2.9"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )
    try:
        said = process.stdout.readline()
        url = re.fullmatch(
            r"devloki \(Loki 2\.9 stand-in, not for production\) listening on (http://127.0.0.1:\d+)\n", said
        )
        assert url, said
        assert httpx.get(f"{url[1]}/ready", trust_env=False).text == "ready\n"
    finally:
        process.send_signal(stop)
        rest = process.communicate(timeout=10)
    assert (rest, process.returncode) == (("", ""), 0)


def test_a_taken_port_is_an_error_with_a_hint():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(devloki, ["--listen", f"127.0.0.1:{port}"])
    assert (result.exit_code, result.output) == (
        1,
        f"Error: devloki cannot listen on 127.0.0.1:{port}: Address already in use. "
        "Stop what listens there, or give another address with --listen; port 0 takes a free one\n",
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--listen", "3100"], "expected HOST:PORT as in 127.0.0.1:3100, got '3100'"),
        (["--listen", "host:99999"], "expected HOST:PORT as in 127.0.0.1:3100, got 'host:99999'"),
        (["--max-bytes", "lots"], "expected a size as in 1GiB, got 'lots'"),
    ],
)
def test_a_wrong_option_is_wrong_usage(arguments, words):
    result = CliRunner().invoke(devloki, arguments)
    assert (result.exit_code, result.output.splitlines()[-1].split(": ", 2)[2]) == (2, words)
