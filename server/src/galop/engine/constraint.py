"""What the engine asks of a constraint: which tokens may come, which must, and may it end.

The engine knows nothing of JSON or grammars; the `grammar` room implements these protocols.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from galop.protocol.constraints import ConstraintSpec


class TokenConstraint(Protocol):
    """The state of one constrained sequence. Not thread safe; used by the engine's thread alone.

    Every method may raise `ConstraintFailedError`; the request then fails, the engine goes on.
    """

    @property
    def is_complete(self) -> bool:
        """True when nothing may follow: the sequence ends without an end token."""

    @property
    def can_end(self) -> bool:
        """True when what came so far is a whole document, whether or not more may follow."""

    @property
    def was_closed(self) -> bool:
        """True when the budget, and not the model, decided how the document ends."""

    def try_accept(self, token_id: int) -> bool:
        """Advance by this token if it is allowed; otherwise change nothing and return False."""

    def allowed_mask(self) -> npt.NDArray[np.bool_]:
        """Which tokens may come next, shape (vocab_size,). Valid until the next call."""

    def forced_tokens(self) -> list[int]:
        """Tokens that must come now, [] if there is a choice. They count as accepted already."""


class ConstraintFactory(Protocol):
    """Builds a fresh constraint for one choice; cheap, because compilation is cached."""

    def prepare(self, spec: ConstraintSpec) -> None:
        """Compile ahead, on any thread. Raises `ConstraintFailedError`."""

    def __call__(self, spec: ConstraintSpec, *, max_tokens: int) -> TokenConstraint:
        """`max_tokens` is the budget of the choice, everything the constraint accepts included."""
