"""What the client says about itself in its headers. Computed once per process.

Without the `platform` module, which costs more to import than all of this.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache

from ._version import __version__

_ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_RUNTIMES = {"cpython": "CPython", "pypy": "PyPy"}
_SYSTEMS = {"linux": "Linux", "darwin": "MacOS", "win32": "Windows", "freebsd": "FreeBSD"}


def get_architecture() -> str:
    machine = (os.uname().machine if hasattr(os, "uname") else _windows_machine()).lower()
    if machine in _ARCHITECTURES:
        return _ARCHITECTURES[machine]
    return f"other:{machine}" if machine else "unknown"


def _windows_machine() -> str:
    return os.environ.get("PROCESSOR_ARCHITECTURE", "")


def get_platform() -> str:
    for prefix, name in _SYSTEMS.items():
        if sys.platform.startswith(prefix):
            return name
    return f"Other:{sys.platform}"


@lru_cache(maxsize=8)
def platform_headers(version: str = __version__) -> dict[str, str]:
    return {
        "X-Stainless-Lang": "python",
        "X-Stainless-Package-Version": version,
        "X-Stainless-OS": get_platform(),
        "X-Stainless-Arch": get_architecture(),
        "X-Stainless-Runtime": _RUNTIMES.get(sys.implementation.name, sys.implementation.name),
        "X-Stainless-Runtime-Version": ".".join(map(str, sys.version_info[:3])),
    }
