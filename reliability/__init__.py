"""Whether the service can be left alone: faults, fuzz, load and soak, over real sockets.

Programs, run from the repository's root with `make reliability` or one by one:
`python -m reliability.faults`, `.fuzz`, `.load`, `.soak`. Each prints a table in Markdown, writes its
figures as JSON where `--json FILE` says, and ends with exit code 1 if something was lost or leaked.
What they showed: docs/reliability.md.
"""
