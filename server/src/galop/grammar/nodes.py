"""What a JSON Schema asks for, taken apart: one node per kind of value, no keywords left over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any] | bool
"""A JSON Schema as `json.loads` gives it."""


@dataclass(eq=False, slots=True)
class Texts:
    """One of these scalars, each as its JSON text."""

    values: tuple[bytes, ...]


@dataclass(eq=False, slots=True)
class String:
    """A string of min_chars to max_chars Unicode characters, or of a sub-schema of its own."""

    min_chars: int = 0
    max_chars: int | None = None
    schema: Mapping[str, Any] | None = None
    """`type`, `pattern`, `format` and bounds, for llguidance to compile."""
    samples: tuple[bytes, ...] = ()
    """JSON texts that may be valid, for the closing of documents."""


@dataclass(eq=False, slots=True)
class Number:
    """A number, or an integer, or one of a sub-schema of its own."""

    is_integer: bool = False
    schema: Mapping[str, Any] | None = None
    samples: tuple[bytes, ...] = ()


@dataclass(eq=False, slots=True)
class Array:
    """`prefix` items, then more of `items` (None: no more)."""

    prefix: Sequence[Node]
    items: Node | None
    min_items: int = 0
    max_items: int | None = None
    is_unique: bool = False
    """No two items should be equal. The rules do not see to it; they only end with different ones."""


@dataclass(eq=False, slots=True)
class Member:
    """A declared property."""

    name: str
    value: Node
    is_required: bool


@dataclass(eq=False, slots=True)
class ExtraMembers:
    """Undeclared properties whose name matches `pattern` (None: any) have this value."""

    pattern: str | None
    value: Node


@dataclass(eq=False, slots=True)
class Object:
    """The declared members in order, then extra ones."""

    members: Sequence[Member]
    extras: Sequence[ExtraMembers]
    declared: Sequence[str] = ()
    """Names that extra members must not have."""
    min_extras: int = 0
    max_extras: int | None = None


@dataclass(eq=False, slots=True)
class Union:
    """One of these; filled after it was made, because schemas may be recursive."""

    options: list[Node] = field(default_factory=list)
    pointer: str = ""
    is_never: bool = False
    """True: it is known that nothing satisfies it."""


@dataclass(eq=False, slots=True)
class Anything:
    """Any JSON value."""


Node = Texts | String | Number | Array | Object | Union | Anything

ANYTHING = Anything()
