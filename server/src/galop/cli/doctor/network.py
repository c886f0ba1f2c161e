"""Whether the address is free to listen on, and the collector of traces can be reached."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from galop.cli.doctor.finding import Finding
from galop.config.settings import Settings

CONNECT_TIMEOUT_S = 3


def check_address(settings: Settings) -> Finding:
    """Listen on the address for a moment."""
    from galop.serving.server import PortTakenError, listen

    try:
        listen(settings.host, settings.port, client_timeout_s=settings.client_timeout).close()
    except PortTakenError as error:
        return Finding("address", "problem", str(error), "choose another one with --port")
    return Finding("address", "ok", f"{settings.host} port {settings.port} is free")


def check_collector(settings: Settings) -> Iterator[Finding]:
    """Connect to the collector of traces, if the settings name one."""
    endpoint = settings.otlp_endpoint
    parts = urlsplit(endpoint or "")
    if endpoint is None or not parts.hostname:
        return
    address = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection(address, timeout=CONNECT_TIMEOUT_S).close()
    except OSError as error:
        advice = "requests are answered all the same; traces are lost"
        yield Finding("traces", "warning", f"no collector at {endpoint}: {error}", advice)
    else:
        yield Finding("traces", "ok", f"a collector listens at {endpoint}")
