"""The IR of JSON Schemas: one node per kind of value, without keywords, references or combinations.

Nodes are compared by identity, because schemas may be recursive.
"""

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
    """A string with bounds of its length, or one of a sub-schema of its own."""

    min_chars: int = 0
    """Unicode characters."""
    max_chars: int | None = None
    """Unicode characters; None: no bound."""
    schema: Mapping[str, Any] | None = None
    """`type`, `pattern`, `format` and bounds, for llguidance to compile; None: only the length counts."""
    samples: tuple[bytes, ...] = ()
    """JSON texts that may be valid, for endings of documents."""


@dataclass(eq=False, slots=True)
class Number:
    """A number, or one of a sub-schema of its own."""

    is_integer: bool = False
    """True: without fraction and exponent."""
    schema: Mapping[str, Any] | None = None
    """`type` and bounds, for llguidance to compile; None: any number."""
    samples: tuple[bytes, ...] = ()
    """JSON texts that may be valid, for endings of documents."""


@dataclass(eq=False, slots=True)
class Array:
    """Items of a prefix, then items that are alike."""

    prefix: Sequence[Node]
    """The first items, in order; there may be fewer."""
    items: Node | None
    """All items after the prefix; None: there are none."""
    min_items: int = 0
    max_items: int | None = None
    """None: no bound."""
    is_unique: bool = False
    """True: no two items should be equal. Rules do not ensure it; their endings have different ones."""


@dataclass(eq=False, slots=True)
class Member:
    """A declared property."""

    name: str
    """As the schema names it, without escapes."""
    value: Node
    is_required: bool
    """True: the object has it."""


@dataclass(eq=False, slots=True)
class ExtraMembers:
    """Undeclared properties of one kind."""

    pattern: str | None
    """The expression of their names, for llguidance: see `patterns.anchored`. None: any name."""
    value: Node


@dataclass(eq=False, slots=True)
class Object:
    """The declared members in order, then extra ones."""

    members: Sequence[Member]
    extras: Sequence[ExtraMembers]
    """Each extra member is of one of these kinds."""
    declared: Sequence[str] = ()
    """Names that extra members must not have."""
    min_extras: int = 0
    """Kept only in objects whose declared members are all required; else at most 1 is."""
    max_extras: int | None = None
    """None: no bound."""


@dataclass(eq=False, slots=True)
class Union:
    """A value that satisfies one of several nodes. Filled after it was made, for recursion."""

    options: list[Node] = field(default_factory=list)
    pointer: str = ""
    """The place in the schema, as a JSON pointer."""
    is_never: bool = False
    """True: it is known that nothing satisfies it."""


@dataclass(eq=False, slots=True)
class Anything:
    """Any JSON value."""


Node = Texts | String | Number | Array | Object | Union | Anything

ANYTHING = Anything()
