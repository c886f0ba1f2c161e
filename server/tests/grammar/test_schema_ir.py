"""The parts of a schema."""

from __future__ import annotations

from galop.grammar.schema_ir import Array, Object, String, Union


def test_nodes_are_told_apart_by_identity() -> None:
    """Recursive ones could not be compared otherwise, and each is lowered once."""
    recursive = Union()
    recursive.options += [Array((), recursive), String()]
    assert len({String(), String(), recursive, Object((), ())}) == 4
    assert String() != String()
