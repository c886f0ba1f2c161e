"""Which kernels this CPU gets."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from galop.cli.doctor.finding import Finding
from galop.host import cpu_features

FEATURES = {
    "avx2": "AVX2",
    "fma": "FMA",
    "f16c": "F16C",
    "avx512f": "AVX512",
    "avx512_vnni": "AVX512_VNNI",
    "avx512_bf16": "AVX512_BF16",
    "amx_int8": "AMX_INT8",
}
"""CPU features that make matrix products faster: Linux's name in /proc/cpuinfo to llama.cpp's."""


def check() -> Iterator[Finding]:
    """llama.cpp's compiled features, galop's own kernels, and features of the CPU left unused."""
    from galop.backends.llama.footprint import compiled_features
    from galop.backends.llama.library import kernels

    compiled = compiled_features()
    yield Finding("kernels", "ok", f"compiled for {', '.join(sorted(compiled)) or 'any CPU'}")
    if kernels.is_active:
        yield Finding("kernels", "ok", "galop's own multiply Q4_1 and Q8_0 weights, and attend")
    else:
        yield Finding(
            "kernels",
            "warning",
            f"galop's own do not run: {kernels.reason}",
            "llama.cpp's do, several times slower for Q4_1; see docs/decisions/0008",
        )
    if unused := unused_features(cpu_features(), compiled):
        yield Finding(
            "kernels",
            "warning",
            f"this CPU also has {', '.join(unused)}",
            "compile on this machine: pip install --force-reinstall --no-cache-dir llama-cpp-python",
        )


def unused_features(cpu: AbstractSet[str], compiled: AbstractSet[str]) -> list[str]:
    """llama.cpp's names of features that the CPU has and llama.cpp was not compiled for.

    `cpu` holds Linux's names, `compiled` llama.cpp's.
    """
    return [
        llama_name
        for linux_name, llama_name in FEATURES.items()
        if linux_name in cpu and llama_name not in compiled
    ]
