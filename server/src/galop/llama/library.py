"""llama.cpp's C library, loaded once per process, with its log in Python's logging.

The low-level module of llama-cpp-python only: its package `__init__` also imports a high-level API
that we never use and that takes longer to import than everything else here together, so the
package is entered without running it.

The OpenMP wait policy must be in the environment before the library loads; `worker` sets it for
the engine process (see docs/architecture.md, threads).
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import logging
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

logger = logging.getLogger("galop.llama")

_LEVELS = {1: logging.DEBUG, 2: logging.DEBUG, 3: logging.WARNING, 4: logging.ERROR}
"""ggml's log levels. Its information is our debugging."""


def _preload_lazy_clear() -> ctypes.CDLL | None:
    """Put our clearing of KV buffers before libllama's own (see lazy_clear.c); None if not built."""
    spec = importlib.util.find_spec("galop.llama._lazy_clear")
    if spec is None or spec.origin is None or sys.platform != "linux":
        return None
    return ctypes.CDLL(spec.origin, mode=ctypes.RTLD_GLOBAL | os.RTLD_NOW)


def _bind_lazy_clear(lazy_clear: ctypes.CDLL) -> None:
    ggml = ctypes.CDLL(str(Path(llama.__file__).parent / "lib" / "libggml-base.so"))
    names = ("clear", "get_base", "get_size", "is_host")
    functions = [getattr(ggml, f"ggml_backend_buffer_{name}") for name in names]
    lazy_clear.galop_bind_clear(*(ctypes.cast(each, ctypes.c_void_p) for each in functions))


def _load() -> Any:  # Any: a ctypes module whose functions carry no usable types
    if "llama_cpp" not in sys.modules:
        spec = importlib.util.find_spec("llama_cpp")
        if spec is None or spec.submodule_search_locations is None:
            raise ImportError("llama-cpp-python is not installed")
        package = ModuleType("llama_cpp")
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules["llama_cpp"] = package
    return importlib.import_module("llama_cpp.llama_cpp")


_lazy_clear = _preload_lazy_clear()
llama: Any = _load()
"""The module `llama_cpp.llama_cpp`. Any: see `_load`."""
if _lazy_clear is not None:
    _bind_lazy_clear(_lazy_clear)

last_errors: list[str] = []
"""What llama.cpp logged as errors since the last `forget_errors`, for messages to people."""


def forget_errors() -> None:
    """Start collecting anew."""
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
