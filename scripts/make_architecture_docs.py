"""Makes the table of rooms in docs/architecture.md, between its two marks.

Run `make docs` after changing `tests/rooms.py`; a test compares.
"""

from __future__ import annotations

from pathlib import Path

from tests.rooms import ROOMS

PAGE = Path(__file__).parent.parent / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms -->\n", "<!-- /rooms -->"


def table() -> str:
    """Every room, what it is for, and what it imports."""
    rows = ["| room | what it is for | imports |", "|---|---|---|"]
    for name, room in ROOMS.items():
        imports = ", ".join(f"`{other}`" for other in ROOMS if other in room.may_import)
        rows.append(f"| `{name}` | {room.purpose} | {imports or 'no other room'} |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """The page with its table made anew."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + table() + END + tail
