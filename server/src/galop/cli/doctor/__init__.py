"""`galop doctor`: checks the machine and the settings as `galop serve` would, and prints advice.

A check is a function that returns or yields findings. No check writes anything; opening an existing
ledger migrates an older one, as `galop serve` does.
"""

from galop.cli.doctor.command import doctor

__all__ = ["doctor"]
