"""`galop doctor`: the findings of `galop.app.doctor`, one line each."""

from __future__ import annotations

import logging
import shutil
import textwrap

import typer

from galop.config.sources import Configuration

_INDENT = 22


def doctor(configuration: Configuration) -> None:
    """Look at this machine and these settings as `galop serve` would, and say what to do.

    Exit code 0: it would serve, perhaps with warnings. 1: it would not. 2: a setting is wrong.
    """
    from galop.app.doctor import examine

    logging.basicConfig(level=logging.CRITICAL)  # what libraries say is in the findings
    verdicts = []
    for finding in examine(configuration):
        verdicts.append(finding.verdict)
        text = finding.text + (f" -> {finding.advice}" if finding.advice else "")
        typer.echo(_line(f"{finding.verdict:<8} {finding.subject:<12} ", text))
    num_problems, num_warnings = verdicts.count("problem"), verdicts.count("warning")
    typer.echo(f"\n{_counted(num_problems, 'problem')}, {_counted(num_warnings, 'warning')}")
    if num_problems:
        raise typer.Exit(1)


def _line(start: str, text: str) -> str:
    width = max(shutil.get_terminal_size((120, 24)).columns, 60)
    return textwrap.fill(
        text,
        width,
        initial_indent=start,
        subsequent_indent=" " * _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
