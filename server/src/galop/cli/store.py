"""The store of keys, limits and usage that the settings name."""

from __future__ import annotations

from galop.accounts.store import Store
from galop.config.settings import Settings, default_state_directory


def open_store(settings: Settings) -> Store:
    """The store; its tables are made where there are none. Raises `LedgerUnavailableError`."""
    return Store(
        settings.ledger_url, settings.state_dir or default_state_directory(), settings.secret_file
    )
