"""What can be wrong with a schema."""

from __future__ import annotations


class SchemaError(Exception):
    """The schema is refused: `pointer` (RFC 6901) says where, `reason` why, as a clause."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(f"{pointer or '/'}: {reason}")
        self.pointer = pointer
        self.reason = reason
