"""Names that load their module on first touch (PEP 562).

`import groq` must cost a few milliseconds, although the public surface spans httpx, pydantic
and some sixty type modules. A package lists *name -> submodule*; the first access imports the
submodule and binds the name, so that every later access is an ordinary attribute.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazy_exports(
    package: str, exports: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for `package`.

    `exports` maps a public name to the module, relative to `package`, that defines it; an empty
    module means that the name is itself a submodule. Unknown names raise AttributeError, so that
    `hasattr` and `from package import submodule` behave as usual.
    """

    def __getattr__(name: str) -> object:
        try:
            module = exports[name]
        except KeyError:
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None
        if module:
            value: object = getattr(import_module(f"{package}.{module}"), name)
        else:
            value = import_module(f"{package}.{name}")
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *exports})

    return __getattr__, __dir__
