"""llama.cpp's C library, loaded once per process when this module is imported. Its log goes to `logging`.

Imports the low-level module of llama-cpp-python only. The package's `__init__` also imports a high-level API,
which takes longer than all other imports here and is not used; so an empty package takes its place.

libgomp reads its environment variables when the library is loaded: `workers.spawn.ENVIRONMENT`.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from galop.backends.llama.kernels import bind, preload

logger = logging.getLogger("galop.backends.llama")

_LEVELS = {1: logging.DEBUG, 2: logging.DEBUG, 3: logging.WARNING, 4: logging.ERROR}
"""ggml's log levels to those of `logging`. Its level 2, info, is too detailed for ours."""


def _load() -> Any:  # Any: a ctypes module whose functions carry no usable types
    if "llama_cpp" not in sys.modules:
        package = ModuleType("llama_cpp")
        package.__path__ = [str(_folder)]
        package.__spec__ = _spec
        sys.modules["llama_cpp"] = package
    return importlib.import_module("llama_cpp.llama_cpp")


_spec = importlib.util.find_spec("llama_cpp")
if _spec is None or not _spec.submodule_search_locations:
    raise ImportError("llama-cpp-python is not installed")
_folder = Path(_spec.submodule_search_locations[0])
kernels = preload(_folder / "lib")
llama: Any = _load()
"""The module `llama_cpp.llama_cpp`. Any: see `_load`."""
bind(kernels)

last_errors: list[str] = []
"""The errors that llama.cpp logged since the last `forget_errors`, oldest first, for our own error messages."""


def forget_errors() -> None:
    """Clear `last_errors`; call before an operation that may fail."""
    last_errors.clear()


def _on_log(level: int, text: bytes, _user_data: object) -> None:
    message = text.decode("utf-8", "replace").strip()
    if not message:
        return
    if level == 4:
        last_errors.append(message)
    logger.log(_LEVELS.get(level, logging.DEBUG), "%s", message)


_log_callback = llama.llama_log_callback(_on_log)  # must live as long as the library
llama.llama_log_set(_log_callback, ctypes.c_void_p(0))
llama.llama_backend_init()
