"""Which models and service tiers a caller may use."""

from __future__ import annotations

import pytest

from galop.accounts.errors import ModelNotAllowedError, TierNotAllowedError
from galop.accounts.keys import ANONYMOUS, Caller
from galop.admission.policy import can_use_model, check_model, check_tier
from server.tests.entries import entry

CARD = entry("alias", alias_of="model").card


@pytest.mark.parametrize(
    ("models", "may"), [((), True), (("alias",), True), (("model",), True), (("other",), False)]
)
def test_a_key_may_use_a_model_by_its_name_or_its_alias(models: tuple[str, ...], may: bool) -> None:
    """Without a list of models, every one."""
    assert can_use_model(Caller(key_id="k", name="a", models=models), CARD) is may


def test_a_model_that_a_key_may_not_use_is_refused() -> None:
    """The error has the id that the request named."""
    with pytest.raises(ModelNotAllowedError) as caught:
        check_model(Caller(key_id="k", name="a", models=("other",)), CARD)
    assert caught.value.model == "alias"


def test_the_performance_tier_needs_permission() -> None:
    """Other tiers need none."""
    check_tier(ANONYMOUS, "flex")
    with pytest.raises(TierNotAllowedError):
        check_tier(Caller(key_id="k", name="a", may_use_performance=False), "performance")
