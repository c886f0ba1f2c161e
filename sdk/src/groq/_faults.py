"""Which exceptions of the transport mean what. Pure; knows httpx and its successor httpx2.

httpx2 carries httpx's interface under a new name. A caller may bring either kind of client, so
faults are recognised by the class names that both share, whichever package they come from.
"""

from __future__ import annotations

import sys
from typing import Any

import httpx

TIMEOUT_PHASES = {
    "ConnectTimeout": "connect",
    "WriteTimeout": "write",
    "ReadTimeout": "read",
    "PoolTimeout": "pool",
}


def _httpx_modules() -> tuple[Any, ...]:
    httpx2 = sys.modules.get("httpx2")
    return (httpx,) if httpx2 is None else (httpx, httpx2)


def is_timeout(error: BaseException) -> bool:
    return isinstance(error, tuple(module.TimeoutException for module in _httpx_modules()))


def timeout_phase(error: BaseException) -> str:
    return TIMEOUT_PHASES.get(type(error).__name__, "read")


def is_transport_fault(error: BaseException) -> bool:
    """Whether the network, not the program, is to blame.

    A closed or already consumed stream is a mistake of the caller, and so is whatever an event
    hook raises: those go to the caller as they are.
    """
    return isinstance(
        error, (*(module.RequestError for module in _httpx_modules()), OSError, EOFError)
    )


def may_pass(error: BaseException) -> bool:
    """Whether a fault of the transport may be gone at the next try; a URL stays what it is."""
    return type(error).__name__ != "UnsupportedProtocol"
