"""The table of weight formats."""

from __future__ import annotations

import pytest

from galop.tuning.formats import AS_SHIPPED, DEFAULT_FORMATS, FORMATS


def test_names_and_numbers_are_unique() -> None:
    """No format has the name that stands for the file as shipped."""
    assert all(name == each.name.lower() for name, each in FORMATS.items())
    assert len({each.ftype for each in FORMATS.values()}) == len(FORMATS)
    assert AS_SHIPPED not in FORMATS


def test_default_formats_are_in_the_table() -> None:
    assert DEFAULT_FORMATS
    assert all(FORMATS[each.name.lower()] is each for each in DEFAULT_FORMATS)


@pytest.mark.parametrize(("name", "bits"), [("q4_0", 4.5), ("q8_0", 8.5), ("bf16", 16.0)])
def test_the_bound_of_the_size_exceeds_the_bits_of_a_block(name: str, bits: float) -> None:
    """ggml's blocks of 32 weights have a scale of 16 bits."""
    assert FORMATS[name].most_bytes(8_000_000) >= bits * 1_000_000
