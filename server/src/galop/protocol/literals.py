"""Words with a fixed set of values that several rooms share; each is declared once, here."""

from __future__ import annotations

from typing import Literal

FinishReason = Literal["stop", "length"]
ServiceTier = Literal["performance", "on_demand", "flex"]
