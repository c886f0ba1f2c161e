"""What a doctor that examines the scripted model finds."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from galop.cli.doctor.command import examine
from galop.cli.doctor.finding import Finding
from galop.config.sources import configure

Examined = Callable[..., dict[str, Finding]]


@pytest.fixture
def free_port() -> str:
    """A port that is free to listen on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture
def examined(free_port: str) -> Examined:
    """The worst finding of every subject, with these flags."""
    order = ("ok", "warning", "problem")

    def run(**flags: object) -> dict[str, Finding]:
        worst: dict[str, Finding] = {}
        configuration = configure({"model": "scripted:x", "port": free_port, **flags}, {})
        for finding in examine(configuration):
            before = worst.get(finding.subject)
            if before is None or order.index(finding.verdict) >= order.index(before.verdict):
                worst[finding.subject] = finding
        return worst

    return run
