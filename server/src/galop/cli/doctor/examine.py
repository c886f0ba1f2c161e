"""Runs every check, in the order in which `galop serve` would meet the faults."""

from __future__ import annotations

from collections.abc import Iterator

from galop.cli.doctor import directories, host, keys, model, network, settings, versions
from galop.cli.doctor.finding import Finding
from galop.config.models import served_model
from galop.config.settings import SettingError
from galop.config.sources import Configuration
from galop.library.embedded import EmbeddedModelMissingError


def examine(configuration: Configuration) -> Iterator[Finding]:
    """Yield every finding as soon as it is known. Raises nothing that a setting causes."""
    yield from versions.check_packages()
    yield from host.check_cores()
    yield from settings.check(configuration)
    served = None
    try:
        served = served_model(configuration)
    except (SettingError, EmbeddedModelMissingError) as error:
        yield Finding("model", "problem", str(error))
    else:
        yield from model.check(configuration, served)
    yield from keys.check(configuration, served)
    yield network.check_address(configuration.settings)
    yield host.check_open_files(host.open_files_limit())
    yield directories.check_cache(configuration.settings)
    yield from network.check_collector(configuration.settings)
