"""The command `galop doctor`: runs every check and prints the findings, one line each."""

from __future__ import annotations

import logging
import shutil
import textwrap
from collections.abc import Iterator

import click

from galop.cli.checks import check_settings
from galop.cli.doctor.finding import Finding
from galop.cli.options import with_settings
from galop.config.models import served_model
from galop.config.settings import SettingError
from galop.config.sources import Configuration
from galop.library.embedded import EmbeddedModelMissingError

INDENT = 22
"""Columns of verdict and subject, before the text."""


@click.command(short_help="Check this machine and these settings, and give advice.")
@with_settings()
def doctor(configuration: Configuration) -> None:
    """Check this machine and these settings as `galop serve` would, and give advice.

    Exit code 0: it would serve, perhaps with warnings. 1: it would not. 2: a setting is wrong.
    """
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


def examine(configuration: Configuration) -> Iterator[Finding]:
    """Yields the findings in the order in which `galop serve` would meet the faults.

    Raises nothing that a setting causes.
    """
    from galop.cli.doctor import machine, model
    from galop.cli.doctor.keys import check_keys

    yield from machine.check_packages()
    yield from machine.check_cores()
    yield from check_configuration(configuration)
    served = None
    try:
        served = served_model(configuration)
    except (SettingError, EmbeddedModelMissingError) as error:
        yield Finding("model", "problem", str(error))
    else:
        yield from model.check_model(configuration, served)
    yield from check_keys(configuration, served)
    yield machine.check_address(configuration.settings)
    yield machine.check_open_files(machine.open_files_limit())
    yield machine.check_cache(configuration.settings)
    yield from machine.check_collector(configuration.settings)


def check_configuration(configuration: Configuration) -> Iterator[Finding]:
    """A warning for every unknown variable, then the first setting that cannot work."""
    for warning in configuration.warnings:
        yield Finding("settings", "warning", warning)
    try:
        check_settings(configuration)
    except SettingError as error:
        yield Finding("settings", "problem", str(error))
    else:
        yield Finding("settings", "ok", str(configuration.file or "no galop.toml"))


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
