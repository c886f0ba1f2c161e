"""The command `galop`."""

from galop.cli.main import main

__all__ = ["main"]
