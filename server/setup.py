"""The one part of galop that is compiled; everything else is declared in pyproject.toml."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        # Loaded with ctypes, not imported. Optional: without it the server starts slower and keeps
        # its whole KV cache resident.
        Extension("galop.llama._lazy_clear", ["src/galop/llama/lazy_clear.c"], optional=True),
    ]
)
