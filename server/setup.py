"""The parts of galop that are compiled; everything else is declared in pyproject.toml."""

from setuptools import Extension, setup

ENGINE = "src/galop/engine/csrc"
LLAMA = "src/galop/backends/llama/csrc"
COMMON = {"include_dirs": [ENGINE], "extra_compile_args": ["-O3"], "optional": True}

setup(
    ext_modules=[
        # Loaded with ctypes, not imported. Optional: without them llama.cpp's own kernels run, which are
        # several times slower for small models, the whole KV cache is resident from the start, and a token
        # is chosen in three times the time.
        Extension(
            "galop.backends.llama._kernels",
            [
                f"{LLAMA}/{name}.c"
                for name in ("attention", "bind", "lazy_clear", "matmul", "tokens")
            ],
            depends=[f"{LLAMA}/ggml_abi.h", f"{ENGINE}/simd.h"],
            **COMMON,
        ),
        Extension(
            "galop.engine._sampling",
            [f"{ENGINE}/sampling.c"],
            depends=[f"{ENGINE}/simd.h"],
            **COMMON,
        ),
    ]
)
