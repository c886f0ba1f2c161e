"""The one part of galop that is compiled; everything else is declared in pyproject.toml."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        # Loaded with ctypes, not imported. Optional: without it llama.cpp's own kernels run, which are
        # several times slower for small models, and the whole KV cache is resident from the start.
        Extension(
            "galop.llama._kernels",
            [
                f"src/galop/llama/csrc/{name}.c"
                for name in ("attention", "bind", "lazy_clear", "matmul", "tokens")
            ],
            depends=["src/galop/llama/csrc/ggml_abi.h"],
            extra_compile_args=["-O3"],
            optional=True,
        ),
    ]
)
