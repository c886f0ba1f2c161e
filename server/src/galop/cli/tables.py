"""Tables on the terminal and in pipes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

PIPE_WIDTH = 250
"""Columns of a table that is not printed on a terminal, so that no line is broken."""


def print_table(table: Table) -> None:
    """Prints it as wide as the terminal, or `PIPE_WIDTH` columns wide elsewhere."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else PIPE_WIDTH
    Console(highlight=False, width=width).print(table)
