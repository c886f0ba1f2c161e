"""`galop doctor`: looks at the machine and the settings as `galop serve` would, and says what to do.

`examine` runs the checks of the other modules, one module per kind. A check is a function that returns
or yields findings. No check writes anything; opening an existing ledger migrates an older one, as
`galop serve` does.
"""

from galop.cli.doctor.command import doctor

__all__ = ["doctor"]
