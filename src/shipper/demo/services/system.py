"""The machine: syslog in both of its forms, a file each, and kernel messages that repeat within a second."""

from __future__ import annotations

from shipper.demo.record import Now, Records, mix, plain


def syslog(now: Now) -> Records:
    """What rsyslogd writes to `syslog.log`: no year, no zone, whole seconds, the day padded with a space."""
    number = 0
    while True:
        number += 1
        moment = now()
        head = f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S} mlops-node1"
        if number % 13 == 0:
            for _ in range(2):
                yield plain(f"{head} kernel: [912128.495116] NVRM: Xid (PCI:0000:3b:00): 31, MMU Fault")
        elif mix(number) % 5 == 0:
            yield plain(f'{head} dockerd[812]: level=warning msg="Health check {number} failed: deadline exceeded"')
        else:
            yield plain(f"{head} sshd[{number}]: Accepted publickey for deploy from 10.0.4.212 port 45705 ssh2")


def node(now: Now) -> Records:
    """What is written to `node_YYYYmmdd.log`: ISO times with microseconds and a zone."""
    number = 0
    while True:
        number += 1
        head = f"{now().replace(tzinfo=None).isoformat(timespec='microseconds')}+00:00 mlops-node1"
        if mix(number) % 3:
            yield plain(f"{head} healthcheck[{number}]: OK fastapi=200 mlflow=200 vllm1=200 vllm2=503")
        else:
            yield plain(f"{head} healthcheck[{number}]: WARN vllm2 응답 없음 (timeout=5s)")
