"""The weight formats that tuning can convert to."""

from __future__ import annotations

from dataclasses import dataclass

AS_SHIPPED = "as shipped"
"""The name, in place of that of a format, of the file as it is."""


@dataclass(frozen=True, slots=True)
class WeightFormat:
    """A format of llama.cpp."""

    name: str
    ftype: int
    """llama.cpp's number of it (`llama_ftype`)."""
    most_bits_per_weight: float
    """An upper bound of the mean, tensors that llama.cpp keeps in a larger format included."""

    def most_bytes(self, num_weights: int) -> int:
        """An upper bound of the size of the weights in a file."""
        return int(num_weights * self.most_bits_per_weight / 8)


_ALL = (
    WeightFormat("Q8_0", 7, 8.6),
    WeightFormat("Q4_0", 2, 6.6),
    WeightFormat("IQ4_NL", 25, 6.6),
    WeightFormat("Q4_K_M", 15, 7.0),
    WeightFormat("BF16", 32, 16.2),
    # Tried on request only.
    WeightFormat("F16", 1, 16.2),
    WeightFormat("Q5_0", 8, 7.0),
    WeightFormat("Q5_1", 9, 7.5),
    WeightFormat("Q5_K_M", 17, 7.5),
    WeightFormat("Q6_K", 18, 8.6),
)
FORMATS = {each.name.lower(): each for each in _ALL}
"""Lower-case name to format."""
DEFAULT_FORMATS = _ALL[:5]
"""Those that are tried without a request."""
