"""The command `galop doctor`: prints the findings, one line each."""

from __future__ import annotations

import logging
import shutil
import textwrap

import click

from galop.cli.options import with_settings
from galop.config.sources import Configuration

INDENT = 22
"""Columns of verdict and subject, before the text."""


@click.command(short_help="Look at this machine and these settings, and say what to do.")
@with_settings()
def doctor(configuration: Configuration) -> None:
    """Look at this machine and these settings as `galop serve` would, and say what to do.

    Exit code 0: it would serve, perhaps with warnings. 1: it would not. 2: a setting is wrong.
    """
    from galop.cli.doctor.examine import examine

    logging.basicConfig(level=logging.CRITICAL)  # what libraries log is in the findings
    verdicts = []
    for finding in examine(configuration):
        verdicts.append(finding.verdict)
        text = finding.text + (f" -> {finding.advice}" if finding.advice else "")
        click.echo(_line(f"{finding.verdict:<8} {finding.subject:<12} ", text))
    num_problems, num_warnings = verdicts.count("problem"), verdicts.count("warning")
    click.echo(f"\n{_counted(num_problems, 'problem')}, {_counted(num_warnings, 'warning')}")
    if num_problems:
        raise click.exceptions.Exit(1)


def _line(start: str, text: str) -> str:
    width = max(shutil.get_terminal_size((120, 24)).columns, 60)
    return textwrap.fill(
        text,
        width,
        initial_indent=start,
        subsequent_indent=" " * INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
