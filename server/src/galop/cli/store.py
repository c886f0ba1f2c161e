"""The store of keys, limits and usage that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from galop.cli.errors import CommandFailedError
from galop.config.settings import Settings, default_state_directory

if TYPE_CHECKING:
    from galop.accounts.store import Store

STORE_SETTINGS = ("state_dir", "ledger_url", "secret_file")
"""The settings that name the store."""


def open_store(settings: Settings) -> Store:
    """Opens the store and creates missing tables. Raises `LedgerUnavailableError`."""
    from galop.accounts.store import Store  # sqlalchemy: not for help texts

    return Store(
        settings.ledger_url, settings.state_dir or default_state_directory(), settings.secret_file
    )


@contextmanager
def opened_store(settings: Settings) -> Iterator[Store]:
    """The store for one command. Its errors become `CommandFailedError`."""
    from galop.accounts.errors import LedgerError

    try:
        with closing(open_store(settings)) as store:
            yield store
    except LedgerError as error:
        raise CommandFailedError(str(error)) from None
