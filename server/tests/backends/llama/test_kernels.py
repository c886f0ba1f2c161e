"""Our kernels against numpy, called through graphs of ggml; our structures against ggml's headers."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt
import pytest

import galop.backends.llama
from galop.backends.llama.kernels import loaded_library
from galop.backends.llama.library import kernels

pytestmark = pytest.mark.skipif(not kernels.is_active, reason=f"no kernels: {kernels.reason}")

Floats = npt.NDArray[np.float32]

_LIB = Path(llama_cpp.__path__[0]) / "lib"
_CSRC = Path(galop.backends.llama.__file__).parent / "csrc"
_COMMON_CSRC = _CSRC.parents[2] / "engine" / "csrc"
_F32, _F16 = 0, 1
_TYPES = {"Q4_1": 3, "Q5_0": 6, "Q8_0": 8}


class _InitParams(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool)]


class Graph:
    """One operation on arrays. Shapes are numpy's: ggml's dimensions in reverse."""

    def __init__(self) -> None:
        self._base, self._cpu = loaded_library("ggml-base"), loaded_library("ggml-cpu")
        for name in ("init", "new_tensor_4d", "mul_mat", "flash_attn_ext", "new_graph", "get_data"):
            getattr(self._base, f"ggml_{name}").restype = ctypes.c_void_p
        self._base.ggml_quantize_chunk.restype = ctypes.c_size_t
        self._context = ctypes.c_void_p(self._base.ggml_init(_InitParams(256 << 20, None, False)))

    def close(self) -> None:
        self._base.ggml_free(self._context)

    def tensor(self, values: npt.NDArray[Any], ggml_type: int = _F32) -> ctypes.c_void_p:
        shape = (1,) * (4 - values.ndim) + values.shape
        sizes = [ctypes.c_int64(size) for size in reversed(shape)]
        tensor = ctypes.c_void_p(self._base.ggml_new_tensor_4d(self._context, ggml_type, *sizes))
        data = ctypes.c_void_p(self._base.ggml_get_data(tensor))
        if ggml_type in _TYPES.values():
            source = np.ascontiguousarray(values, dtype=np.float32)
            rows, columns = (ctypes.c_int64(size) for size in values.shape)
            start = ctypes.c_int64(0)
            floats = ctypes.c_void_p(source.ctypes.data)
            self._base.ggml_quantize_chunk(ggml_type, floats, data, start, rows, columns, None)
        else:
            source = np.ascontiguousarray(values, dtype=np.float16 if ggml_type else np.float32)
            ctypes.memmove(data, source.ctypes.data, source.nbytes)
        return tensor

    def mul_mat(self, weights: ctypes.c_void_p, x: ctypes.c_void_p) -> ctypes.c_void_p:
        return ctypes.c_void_p(self._base.ggml_mul_mat(self._context, weights, x))

    def attention(
        self,
        arrays: dict[str, ctypes.c_void_p],
        scale: float,
        max_bias: float = 0.0,
        softcap: float = 0.0,
    ) -> ctypes.c_void_p:
        result = ctypes.c_void_p(
            self._base.ggml_flash_attn_ext(
                self._context,
                *(arrays[name] for name in ("q", "k", "v", "mask")),
                *map(ctypes.c_float, (scale, max_bias, softcap)),
            )
        )
        if "sinks" in arrays:
            self._base.ggml_flash_attn_ext_add_sinks(result, arrays["sinks"])
        return result

    def compute(
        self, result: ctypes.c_void_p, shape: tuple[int, ...], num_threads: int = 2
    ) -> Floats:
        graph = ctypes.c_void_p(self._base.ggml_new_graph(self._context))
        self._base.ggml_build_forward_expand(graph, result)
        status = self._cpu.ggml_graph_compute_with_ctx(self._context, graph, num_threads)
        assert status == 0
        data = ctypes.cast(self._base.ggml_get_data(result), ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(data, shape=shape).copy()


@pytest.fixture
def graph() -> Iterator[Graph]:
    graph = Graph()
    yield graph
    graph.close()


def _count_foreign(action: Callable[[], object]) -> int:
    before = kernels.count(own=False)
    action()
    return kernels.count(own=False) - before


def _normal(seed: int, *shape: int) -> Floats:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def _quantized(values: Floats) -> Floats:
    """Activations as ggml quantises them: 8 bits each, and a scale for every 32."""
    blocks = values.reshape(-1, 32)
    scales = (np.abs(blocks).max(axis=1, keepdims=True) / 127).astype(np.float32)
    steps = np.round(blocks / np.where(scales == 0, 1, scales))
    return np.asarray(steps * scales.astype(np.float16), np.float32).reshape(values.shape)


def _dequantized(weights: Floats, name: str) -> Floats:
    """`weights` after ggml's quantisation and back."""
    blocks = weights.reshape(-1, 32)
    if name == "Q8_0":
        return _quantized(weights)
    low, high = blocks.min(axis=1, keepdims=True), blocks.max(axis=1, keepdims=True)
    scales = (high - low) / 15
    steps = np.minimum(15, np.floor((blocks - low) / scales + 0.5))
    kept = steps * scales.astype(np.float16) + low.astype(np.float16)
    return np.asarray(kept, np.float32).reshape(weights.shape)


@pytest.mark.parametrize("name", ["Q4_1", "Q8_0"])
@pytest.mark.parametrize(("rows", "columns"), [(16, 32), (192, 576), (48, 1536)])
def test_weights_times_columns_is_that_of_numpy(
    graph: Graph, name: str, rows: int, columns: int
) -> None:
    weights, x = _normal(1, rows, columns), _normal(2, 7, columns)
    result = graph.mul_mat(graph.tensor(weights, _TYPES[name]), graph.tensor(x))
    outputs: list[Floats] = []
    assert _count_foreign(lambda: outputs.append(graph.compute(result, (7, rows)))) == 0
    expected = _quantized(x) @ _dequantized(weights, name).T
    np.testing.assert_allclose(outputs[0], expected, rtol=2e-3, atol=2e-2 * np.sqrt(columns / 32))


@pytest.mark.parametrize("name", ["Q4_1", "Q8_0"])
@pytest.mark.parametrize("num_threads", [1, 2, 3])
def test_a_column_has_the_same_bits_alone_and_beside_others(
    graph: Graph, name: str, num_threads: int
) -> None:
    weights = graph.tensor(_normal(3, 112, 288), _TYPES[name])
    x = _normal(4, 9, 288)
    together = graph.compute(graph.mul_mat(weights, graph.tensor(x)), (9, 112), num_threads)
    for first, last in ((0, 1), (8, 9), (3, 5), (2, 5), (1, 9)):
        part = graph.mul_mat(weights, graph.tensor(x[first:last]))
        computed = graph.compute(part, (last - first, 112), num_threads)
        assert np.array_equal(computed, together[first:last])


def test_extreme_weights_and_activations_do_not_overflow(graph: Graph) -> None:
    """The largest sum of a block just fits 16 bits: all weights 15, all activations 127."""
    weights = np.tile(np.array([0.0] + [15.0] * 31, np.float32), (16, 2))
    x = np.full((1, 64), 127.0, dtype=np.float32)
    result = graph.mul_mat(graph.tensor(weights, _TYPES["Q4_1"]), graph.tensor(x))
    assert graph.compute(result, (1, 16)) == pytest.approx(62 * 15 * 127.0)
    weights = np.full((16, 64), -127.0, dtype=np.float32)
    result = graph.mul_mat(graph.tensor(weights, _TYPES["Q8_0"]), graph.tensor(x))
    assert graph.compute(result, (1, 16)) == pytest.approx(-64 * 127.0 * 127)


def test_other_shapes_are_left_to_ggml(graph: Graph) -> None:
    weights, x = _normal(5, 24, 64), _normal(6, 3, 64)  # 24 rows are no whole panels
    result = graph.mul_mat(graph.tensor(weights, _TYPES["Q8_0"]), graph.tensor(x))
    outputs: list[Floats] = []
    assert _count_foreign(lambda: outputs.append(graph.compute(result, (3, 24)))) == 1
    np.testing.assert_allclose(outputs[0], _quantized(x) @ _quantized(weights).T, atol=0.1)


def test_other_formats_are_left_to_the_ggml_that_llama_cpp_runs(graph: Graph) -> None:
    """A second copy of its library would return zeros: its lookup tables are not initialised."""
    weights, x = _normal(5, 32, 64), _normal(6, 3, 64)
    result = graph.mul_mat(graph.tensor(weights, _TYPES["Q5_0"]), graph.tensor(x))
    outputs: list[Floats] = []
    assert _count_foreign(lambda: outputs.append(graph.compute(result, (3, 32)))) == 1
    np.testing.assert_allclose(outputs[0], x @ weights.T, atol=2.0)
    maps = Path("/proc/self/maps").read_text()
    assert len(set(re.findall(r"\S*/libggml-cpu\.so\S*", maps))) == 1


def _attention(
    q: Floats, k: Floats, v: Floats, mask: Floats, scale: float, softcap: float = 0.0
) -> Floats:
    """Arrays have shape (sequence, head, row, size), the mask (sequence, 1, row, cell), the result
    (sequence, row, head, size)."""
    group = q.shape[1] // k.shape[1]
    scores = scale * q @ np.repeat(k, group, axis=1).swapaxes(-1, -2)
    if softcap:
        scores = softcap * np.tanh(scores / softcap)
    scores = scores + mask
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return np.asarray((weights @ np.repeat(v, group, axis=1)).swapaxes(1, 2), np.float32)


def _half(values: Floats) -> Floats:
    return np.asarray(values.astype(np.float16), np.float32)


def _causal(num_sequences: int, num_rows: int, num_cells: int) -> Floats:
    """Row i of sequence s sees the first num_cells - num_rows - 7 s + i + 1 cells."""
    first = num_cells - num_rows - 7 * np.arange(num_sequences)[:, None, None, None]
    hidden = np.arange(num_cells) > first + np.arange(num_rows)[:, None]
    return np.where(hidden, np.float32(-np.inf), np.float32(0))


@pytest.mark.parametrize(
    ("heads", "kv_heads", "size", "rows", "cells"),
    [
        (9, 3, 64, 1, 256),
        (9, 3, 64, 5, 100),
        (4, 4, 40, 3, 33),
        (8, 1, 128, 40, 96),
        (2, 2, 256, 2, 64),
    ],
)
def test_attention_is_that_of_numpy(
    graph: Graph, heads: int, kv_heads: int, size: int, rows: int, cells: int
) -> None:
    q = _normal(1, 3, heads, rows, size)
    k, v = (_half(_normal(seed, 3, kv_heads, cells, size)) for seed in (2, 3))
    mask = _causal(3, rows, cells)
    arrays = {
        "q": graph.tensor(q),
        "k": graph.tensor(k, _F16),
        "v": graph.tensor(v, _F16),
        "mask": graph.tensor(mask, _F16),
    }
    outputs: list[Floats] = []
    for softcap in (0.0, 5.0):
        result = graph.attention(arrays, size**-0.5, softcap=softcap)
        shape = (3, rows, heads, size)
        assert _count_foreign(lambda: outputs.append(graph.compute(result, shape))) == 0  # noqa: B023
        expected = _attention(q, k, v, mask, size**-0.5, softcap)
        np.testing.assert_allclose(outputs.pop(), expected, rtol=1e-4, atol=1e-5)


def test_attention_with_linear_biases_and_sinks(graph: Graph) -> None:
    heads, rows, cells, size = 6, 2, 70, 64
    q = _normal(1, 1, heads, rows, size)
    k, v = (_half(_normal(seed, 1, heads, cells, size)) for seed in (2, 3))
    sinks = _normal(4, heads)
    distances = -np.abs(np.arange(cells) - (cells - rows + np.arange(rows))[:, None])
    mask = _half(distances[None, None].astype(np.float32))
    arrays = {
        "q": graph.tensor(q),
        "k": graph.tensor(k, _F16),
        "v": graph.tensor(v, _F16),
        "mask": graph.tensor(mask, _F16),
        "sinks": graph.tensor(sinks),
    }
    computed = graph.compute(graph.attention(arrays, 0.125, max_bias=8.0), (1, rows, heads, size))
    # Slopes for 6 heads: those of 4 heads, then every other one of 8 (Press et al. 2022).
    slopes = np.array([2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3], np.float32)[:, None, None]
    scores = 0.125 * q[0] @ k[0].swapaxes(-1, -2) + slopes * mask[0]
    weights = np.exp(scores)
    weights /= weights.sum(axis=-1, keepdims=True) + np.exp(sinks)[:, None, None]
    np.testing.assert_allclose(computed[0], (weights @ v[0]).swapaxes(0, 1), rtol=1e-4, atol=1e-5)


def test_attention_of_a_row_has_the_same_bits_whatever_else_is_computed(graph: Graph) -> None:
    q = _normal(1, 2, 9, 20, 64)
    k, v = (_half(_normal(seed, 2, 3, 512, 64)) for seed in (2, 3))
    mask = np.where(_causal(2, 20, 300) == 0, 0, -np.inf).astype(np.float32)
    padded = np.full((2, 1, 20, 512), -np.inf, dtype=np.float32)
    padded[..., :300] = mask

    def compute(sequences: slice, rows: slice, cells: int) -> Floats:
        parts = {
            "q": graph.tensor(q[sequences, :, rows]),
            "k": graph.tensor(k[sequences, :, :cells], _F16),
            "v": graph.tensor(v[sequences, :, :cells], _F16),
            "mask": graph.tensor(padded[sequences, :, rows, :cells], _F16),
        }
        shape = (len(range(2)[sequences]), len(range(20)[rows]), 9, 64)
        return graph.compute(graph.attention(parts, 0.125), shape)

    whole = compute(slice(2), slice(20), 512)
    assert np.isfinite(whole).all()
    assert np.array_equal(compute(slice(1, 2), slice(4, 5), 320), whole[1:2, 4:5])
    assert np.array_equal(compute(slice(2), slice(3, 17), 300), whole[:, 3:17])


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler here")
def test_structures_are_those_of_the_installed_ggml(tmp_path: Path) -> None:
    """`struct ggml_tensor` and `struct ggml_cplan`, which are in installed headers.
    (`ggml_compute_params` is not; with another layout the tests above would fail.)"""
    header = (_CSRC / "ggml_abi.h").read_text()
    prints = ""
    for name, known in (
        ("ggml_tensor", {"ne", "nb", "src", "data", "extra"}),
        ("ggml_cplan", {"work_size"}),
    ):
        body = re.search(rf"struct {name} \{{(.*?)\n\}};", header, re.DOTALL)
        assert body is not None
        fields = re.findall(r"(\w+)(?:\[\d+\])*;", re.sub(r"\(\*(\w+)\)\(.*?\)", r"\1", body[1]))
        assert known <= set(fields)
        prints += "".join(f'printf("%zu ", offsetof(struct {name}, {field}));' for field in fields)
        prints += f'printf("%zu ", sizeof(struct {name}));'
    offsets = {}
    for whose, headers in (("ours", ["ggml_abi.h"]), ("theirs", ["ggml.h", "ggml-cpu.h"])):
        lines = [f"#include <{name}>" for name in ("stdio.h", "stddef.h", *headers)]
        source = tmp_path / f"{whose}.c"
        source.write_text("\n".join([*lines, f"int main(void) {{ {prints} return 0; }}"]))
        includes = (_CSRC, _COMMON_CSRC, _LIB.parent.parent / "include")
        folders = [f"-I{folder}" for folder in includes]
        program = tmp_path / whose
        subprocess.run(["gcc", *folders, str(source), "-o", str(program)], check=True)
        offsets[whose] = subprocess.run([str(program)], check=True, capture_output=True).stdout
    assert offsets["ours"] == offsets["theirs"]
