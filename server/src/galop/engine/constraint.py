"""The interface of constraints: which tokens may come next, which must, and whether the sequence may end.

Implemented by the `grammar` room; the engine knows nothing of JSON or grammars.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from galop.protocol.constraints import ConstraintSpec


class TokenConstraint(Protocol):
    """The state of one constrained sequence. Used by the engine's thread only.

    Every method may raise `ConstraintFailedError`; then the request fails.
    """

    @property
    def is_complete(self) -> bool:
        """Whether no token may follow. The sequence then ends without an end token."""

    @property
    def can_end(self) -> bool:
        """Whether the tokens so far are a complete document. More may follow."""

    @property
    def closed_by_budget(self) -> bool:
        """True when the budget, and not the model, decided how the document ends."""

    def try_accept(self, token_id: int) -> bool:
        """Advance by this token if it is allowed; otherwise change nothing and return False."""

    def allowed_mask(self) -> npt.NDArray[np.bool_]:
        """Which tokens may come next, shape (vocab_size,). The next call of any method may overwrite it."""

    def forced_tokens(self) -> list[int]:
        """Accept the tokens that must come next, and return them; [] if several may come."""


class ConstraintFactory(Protocol):
    """Builds the constraint of a choice. Quick for specs that are compiled: compilations are cached."""

    def prepare(self, spec: ConstraintSpec) -> None:
        """Compile a spec. Call on any thread. Raises `ConstraintFailedError`."""

    def __call__(self, spec: ConstraintSpec, *, max_tokens: int) -> TokenConstraint:
        """A constraint at its beginning. `max_tokens`: the most that the constraint may accept.

        Raises `ConstraintFailedError`; `BudgetTooSmallError` if no document fits into `max_tokens`.
        """
