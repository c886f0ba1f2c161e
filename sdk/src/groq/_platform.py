"""What the client says about itself in its headers. Computed once per process."""

from __future__ import annotations

import platform
import sys
from functools import lru_cache

from ._version import __version__

_ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_SYSTEMS = {"linux": "Linux", "darwin": "MacOS", "win32": "Windows", "freebsd": "FreeBSD"}


def get_architecture() -> str:
    machine = platform.machine().lower()
    if machine in _ARCHITECTURES:
        return _ARCHITECTURES[machine]
    return f"other:{machine}" if machine else "unknown"


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
        "X-Stainless-Runtime": platform.python_implementation(),
        "X-Stainless-Runtime-Version": platform.python_version(),
    }
