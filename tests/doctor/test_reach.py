"""Mistakes on the way to Loki: the address, TLS, and what answers there that is no Loki."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest
from tests.doctor.machine import Machine, through
from tests.doctor.mistake import Book, Mistake

from shipper.doctor import reach

book = Book()


HTML = {"Content-Type": "text/html"}
GRAFANA = "<!doctype html><html><head><title>Grafana</title></head></html>"


@book.broken("loki", "connect", "nothing listens on localhost:1 ", "correct host and port in loki.url")
def wrong_port(machine: Machine) -> None:
    machine.url = "http://localhost:1"


@book.broken("loki", "connect", "nothing listens", r'url = "http://127.0.0.1:\d+" in \[loki\]')
def wrong_port_while_loki_is_on_its_usual_one(machine: Machine) -> None:
    machine.patch.setattr(reach, "LOKI_PORT", int(machine.devloki().url.rpartition(":")[2]))
    machine.url = "http://127.0.0.1:1"


@book.broken("loki", "connect", "nothing listens", "inside a container localhost is the container itself")
def localhost_inside_a_container(machine: Machine) -> None:
    machine.patch.setattr(reach, "own_container", lambda: "0" * 64)
    machine.url = "http://localhost:1"


@book.broken("loki", "connect", "HTTP_PROXY is set and not used: proxy_from_environment = true", "loki.url")
def proxy_needed(machine: Machine) -> None:
    machine.patch.setenv("HTTP_PROXY", "http://proxy:3128")
    machine.url = "http://localhost:1"


@book.broken("loki", "connect", "nothing listens on 127.0.0.1:1 ", "correct host and port in loki.proxy_url")
def proxy_down(machine: Machine) -> None:
    machine.devloki()
    machine.loki = 'proxy_url = "http://127.0.0.1:1"'


@book.broken("loki", "name", "lokki cannot be resolved: Name or service not known", "correct the host in loki.url")
def wrong_name(machine: Machine) -> None:
    genuine = socket.getaddrinfo

    def getaddrinfo(name: Any, *rest: Any, **more: Any) -> Any:
        if name == "lokki":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return genuine(name, *rest, **more)

    machine.patch.setattr(socket, "getaddrinfo", getaddrinfo)
    machine.url = "http://lokki:3100"


@book.broken("loki", "tls", r"localhost:\d+ does not speak TLS", "http:// instead of https:// in loki.url")
def https_for_http(machine: Machine) -> None:
    machine.url = f"https://{machine.answer(lambda _: (200, {}, 'ready'))}"


@book.broken("loki", "ready", "this port speaks TLS", r'url = "https://localhost:\d+" in \[loki\]')
def http_for_https(machine: Machine) -> None:
    machine.url = f"http://{machine.answer(lambda _: (200, {}, 'ready'), tls=True)}"


@book.broken("loki", "ready", "this port speaks TLS", r'url = "https://localhost:\d+" in \[loki\]')
def http_for_https_of_a_server_that_says_so(machine: Machine) -> None:
    machine.answer(lambda _: (400, {}, "Client sent an HTTP request to an HTTPS server.\n"))


@book.broken("loki", "tls", "not trusted: self-signed certificate", r"tls = \{ ca_file = .*openssl s_client -connect")
def certificate_not_trusted(machine: Machine) -> None:
    machine.answer(lambda _: (200, {}, "ready"), tls=True)


@book.broken("loki", "tls", "IP address mismatch|not valid for '127.0.0.1'", "a name into loki.url that")
def certificate_of_another_name(machine: Machine) -> None:
    place = machine.answer(lambda _: (200, {}, "ready"), tls=True)
    machine.url = f"https://127.0.0.1:{place.rpartition(':')[2]}"
    machine.loki = f'tls = {{ ca_file = "{Path(__file__).with_name("localhost.pem")}" }}'


@book.broken("loki", "tls", "loki.tls: ca_file .*app.log cannot be used", "PEM files that this user may read")
def authority_that_is_no_certificate(machine: Machine) -> None:
    machine.answer(lambda _: (200, {}, "ready"), tls=True)
    machine.loki = f'tls = {{ ca_file = "{machine.log}" }}'


@book.broken("loki", "ready", "loki_timeout: no reply within 0.3 s", "Loki answers too slowly")
def no_answer(machine: Machine) -> None:
    machine.patience = 0.3
    machine.answer(lambda _: (time.sleep(0.5), (200, {}, "ready"))[1])


@book.broken("loki", "access", "loki_not_found: 404", r'Loki is at the root: url = "http://127.0.0.1:\d+" in \[loki\]')
def wrong_path(machine: Machine) -> None:
    machine.url = f"{machine.devloki().url}/loki2"


@book.broken("loki", "access", "loki_not_found: 404", "nothing of Loki is below /logs: correct the path in loki.url")
def wrong_path_where_no_loki_is(machine: Machine) -> None:
    machine.url = f"http://{machine.answer(lambda _: (404, {}, 'no such page'))}/logs"


@book.broken("loki", "ready", r"not Loki answers with success: a web page titled 'Grafana'", "Loki's own address")
def a_page_that_answers_200(machine: Machine) -> None:
    machine.answer(lambda _: (200, HTML, GRAFANA))


@book.broken("loki", "ready", "loki_not_found: 404, a web page titled 'Welcome to nginx'", "check .loki. url")
def a_page_that_answers_404(machine: Machine) -> None:
    machine.answer(lambda _: (404, HTML, "<html><title>Welcome to nginx</title>"))


@book.broken("source", "canary", "not Loki answers with success: a web page", "Loki's own address")
def a_proxy_that_answers_pushes_with_a_page(machine: Machine) -> None:
    through(machine, push=(200, HTML, GRAFANA))


@book.broken("loki", "ready", r"redirects to a login page \(http://localhost:\d+/login\)", "Grafana's 3000")
def a_redirect_to_a_login(machine: Machine) -> None:
    machine.answer(lambda _: (302, {"Location": "/login"}, ""))


@book.broken(
    "loki", "ready", r"redirects \(301\) to https://loki.example/ready", r'url = "https://loki.example" in \[loki\]'
)
def a_redirect_to_https(machine: Machine) -> None:
    machine.answer(lambda path: (301, {"Location": f"https://loki.example{path}"}, ""))


@book.broken("loki", "ready", "not ready: Ingester not ready: waiting for 15s", "wait a minute after its start")
def not_ready(machine: Machine) -> None:
    machine.answer(lambda _: (503, {}, "Ingester not ready: waiting for 15s after being ready\n"))


@pytest.mark.parametrize("mistake", book.mistakes, ids=str)
def test_a_mistake_is_named_with_its_cure(machine: Machine, mistake: Mistake, loki: str) -> None:
    mistake.check(machine, loki)
