"""Which versions are installed."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterator

from galop import __version__
from galop.cli.doctor.finding import Finding

PACKAGES = ("llama-cpp-python", "llguidance", "msgspec", "starlette", "uvicorn", "numpy")


def check_packages() -> Iterator[Finding]:
    """A problem for every package that is missing, then the versions of the others."""
    versions = [f"galop {__version__}", f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            yield Finding("versions", "problem", f"{name} is not installed", "pip install galop")
    yield Finding("versions", "ok", ", ".join(versions))
