"""Whether the settings can work, the model's apart."""

from __future__ import annotations

from collections.abc import Iterator

from galop.cli.checks import check_settings
from galop.cli.doctor.finding import Finding
from galop.config.settings import SettingError
from galop.config.sources import Configuration


def check(configuration: Configuration) -> Iterator[Finding]:
    """A warning for every unknown variable, then the first setting that cannot work."""
    for warning in configuration.warnings:
        yield Finding("settings", "warning", warning)
    try:
        check_settings(configuration)
    except SettingError as error:
        yield Finding("settings", "problem", str(error))
    else:
        yield Finding("settings", "ok", str(configuration.file or "no galop.toml"))
