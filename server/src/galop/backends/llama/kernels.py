"""Our own kernels in place of llama.cpp's: see `csrc/*.c` and docs/decisions/0008.

They are interposed: our library is loaded with RTLD_GLOBAL before libggml-cpu, so the dynamic linker
resolves the names that it defines to our functions (dlopen(3)). After libggml-cpu is loaded, `bind`
passes the addresses of the original functions to our library, which calls them for operations that it
does not handle.

The library is used on Linux with a version of ggml in `KNOWN_GGML`; elsewhere all kernels are
llama.cpp's. The matrix and attention kernels also need a processor with AVX2, FMA and F16C.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from array import array
from itertools import accumulate
from pathlib import Path
from typing import Any

KNOWN_GGML = frozenset({"0.25.3"})
"""Versions of ggml whose structures are those of csrc/ggml_abi.h."""

_CPU_NAMES = (
    "ggml_compute_forward_mul_mat",
    "ggml_compute_forward_flash_attn_ext",
    "ggml_backend_buffer_free",
    "ggml_barrier",
    "ggml_threadpool_chunk_set",
    "ggml_threadpool_chunk_add",
    "ggml_graph_plan",
)
"""The originals that `galop_bind_kernels` takes, in the order of `struct ggml_originals`."""

_MAX_HEAD_SIZE = 256
"""`MAX_HEAD` in csrc/attention.c."""

_BUFFER_NAMES = ("clear", "get_base", "get_size", "is_host")
"""The functions `ggml_backend_buffer_...` that `galop_bind_clear` takes, in its order."""


class Kernels:
    """Our library of kernels, or Python in place of it (`library` None) for the functions on vocabularies."""

    def __init__(self, library: ctypes.CDLL | None, reason: str) -> None:
        self._library = library
        self.reason = reason
        """Why the matrix and attention kernels do not run; empty if they do."""

    @property
    def is_active(self) -> bool:
        return not self.reason

    def can_attend(self, head_sizes: tuple[int, int]) -> bool:
        """Whether our kernel computes attention with keys and values of these numbers of elements."""
        return self.is_active and all(
            size % 8 == 0 and size <= _MAX_HEAD_SIZE for size in head_sizes
        )

    def count(self, *, own: bool) -> int:
        """Number of matrix multiplications and attentions so far that our kernels computed (`own`), or
        left to llama.cpp's. Operations on weights that llama.cpp repacks are in neither number."""
        return 0 if self._library is None else int(self._library.galop_num_operations(own))

    def end_tokens(self, is_end: Any, vocab: Any, num_tokens: int) -> list[int]:
        """The ids for which llama.cpp's `is_end(vocab, id)` is true, ascending."""
        if self._library is None:
            return [token for token in range(num_tokens) if is_end(vocab, token)]
        ids = (ctypes.c_int32 * num_tokens)()
        count = self._library.galop_end_tokens(_address(is_end), _address(vocab), num_tokens, ids)
        return list(ids[:count])

    def tokens_with(self, attributes: Any, mask: int, vocab: Any, num_tokens: int) -> list[int]:
        """The ids for which llama.cpp's `attributes(vocab, id)` has a bit of `mask`, ascending."""
        if self._library is None:
            return [token for token in range(num_tokens) if attributes(vocab, token) & mask]
        ids = (ctypes.c_int32 * num_tokens)()
        count = self._library.galop_tokens_with(
            _address(attributes), mask, _address(vocab), num_tokens, ids
        )
        return list(ids[:count])

    def token_pieces(self, to_piece: Any, vocab: Any, num_tokens: int) -> tuple[bytes, array[int]]:
        """The bytes of all tokens in one string, and the end of each token in it, by llama.cpp's `to_piece`."""
        if self._library is None:
            pieces = [_piece(to_piece, vocab, token) for token in range(num_tokens)]
            return b"".join(pieces), array("i", accumulate(map(len, pieces)))
        ends = array("i", bytes(4 * num_tokens))
        arguments = (_address(to_piece), _address(vocab), num_tokens)
        address = ctypes.c_void_p(ends.buffer_info()[0])
        num_bytes = self._library.galop_token_pieces(*arguments, address, None, 0)
        buffer = ctypes.create_string_buffer(num_bytes)
        self._library.galop_token_pieces(*arguments, address, buffer, num_bytes)
        return buffer.raw, ends


def _piece(to_piece: Any, vocab: Any, token: int) -> bytes:
    size = -to_piece(vocab, token, None, 0, 0, False)
    buffer = ctypes.create_string_buffer(size)
    to_piece(vocab, token, buffer, size, 0, False)
    return buffer.raw


def preload(lib_folder: Path) -> Kernels:
    """Load our library. Call before libllama is loaded. `lib_folder`: the folder of llama.cpp's libraries."""
    spec = importlib.util.find_spec("galop.backends.llama._kernels")
    if sys.platform != "linux":
        return Kernels(None, f"they run on Linux, and this is {sys.platform}")
    if spec is None or spec.origin is None:
        return Kernels(None, "they were not built: that takes a C compiler and an x86-64 processor")
    version = _ggml_version(lib_folder)
    if version not in KNOWN_GGML:
        return Kernels(None, f"they do not support ggml {version}")
    if not (lib_folder / "libggml-cpu.so.0").exists():
        return Kernels(None, "this build of llama.cpp has several CPU libraries")
    library = ctypes.CDLL(spec.origin, mode=ctypes.RTLD_GLOBAL | os.RTLD_NOW)
    library.galop_num_operations.restype = ctypes.c_int64
    library.galop_num_operations.argtypes = (ctypes.c_bool,)
    return Kernels(library, "not bound yet")


def bind(kernels: Kernels) -> None:
    """Pass the addresses of the originals to our library. Call after libllama is loaded."""
    library = kernels._library
    if library is None:
        return
    base, cpu = loaded_library("ggml-base"), loaded_library("ggml-cpu")
    library.galop_bind_clear(
        *(_address(getattr(base, f"ggml_backend_buffer_{name}")) for name in _BUFFER_NAMES)
    )
    originals = (getattr(cpu, name) for name in _CPU_NAMES)  # dlsym also searches libggml-base
    addresses = (ctypes.c_void_p * len(_CPU_NAMES))(*map(_address, originals))
    kernels.reason = (
        "" if library.galop_bind_kernels(addresses) else "this processor has no AVX2, FMA and F16C"
    )


def loaded_library(name: str) -> ctypes.CDLL:
    """The library lib`name` that libllama uses. Raises OSError if it is not loaded.

    It is found by its soname. A wheel has no symbolic links, so each name of a library is a file of its
    own: by another name the linker would load a second copy, whose lookup tables are not initialised.
    """
    return ctypes.CDLL(f"lib{name}.so.0", mode=os.RTLD_NOLOAD | os.RTLD_NOW)


def _ggml_version(lib_folder: Path) -> str:
    base = ctypes.CDLL(str(lib_folder / "libggml-base.so"))
    base.ggml_version.restype = ctypes.c_char_p
    version: bytes = base.ggml_version()
    return version.decode()


def _address(pointer: Any) -> ctypes.c_void_p:  # Any: a ctypes function or pointer, or an int
    return ctypes.cast(pointer, ctypes.c_void_p)
