"""The registry of models: names, aliases and their order."""

from __future__ import annotations

import pytest

from galop.chat.errors import ModelNotFoundError
from galop.chat.models import ModelRegistry, entries_of
from server.tests.entries import entry


def test_a_model_is_found_by_name_and_alias() -> None:
    """Both entries have the same model; each has a card of its own."""
    model = entry("tiny", context_window=512).model
    registry = ModelRegistry(entries_of(model, created=7, aliases=["small"]))
    name, alias = registry.resolve("tiny"), registry.resolve("small")
    assert name.model is alias.model is model
    assert (name.card.alias_of, alias.card.alias_of) == (None, "tiny")
    assert {(card.created, card.context_window) for card in registry.cards} == {(7, 512)}


def test_models_are_listed_in_the_given_order() -> None:
    """A model's name comes before its aliases."""
    first, second = entry("zeta").model, entry("alpha").model
    entries = entries_of(first, created=1, aliases=["b", "a"])
    registry = ModelRegistry([*entries, *entries_of(second, created=1)])
    assert [card.id for card in registry.cards] == ["zeta", "b", "a", "alpha"]


def test_an_unknown_id_is_refused_by_name() -> None:
    """There is no default model."""
    registry = ModelRegistry([entry("tiny")])
    with pytest.raises(ModelNotFoundError) as caught:
        registry.resolve("TINY")
    assert caught.value.model == "TINY"
