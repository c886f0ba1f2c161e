"""Checks of the ledger: whether it can be opened, and whether its keys allow the served model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from galop.cli.doctor.finding import Finding
from galop.cli.doctor.machine import writable_place
from galop.config.models import ServedModel
from galop.config.settings import SettingError, Settings, default_state_directory
from galop.config.sources import Configuration

if TYPE_CHECKING:
    from galop.accounts.keys import ApiKey


def check_keys(configuration: Configuration, model: ServedModel | None) -> Iterator[Finding]:
    """The ledger, its keys, and whether the address needs keys. `model` is None if there is none."""
    from galop.accounts.errors import LedgerUnavailableError
    from galop.cli.store import open_store
    from galop.config.reachability import check_reachability

    settings = configuration.settings
    has_keys = False
    if not _has_ledger(settings):
        place = check_state_directory(settings)
        yield place
        if place.verdict == "problem":
            return
    else:
        try:
            with closing(open_store(settings)) as store:
                keys, groups = store.read_keys()
        except LedgerUnavailableError as error:
            yield Finding("keys", "problem", error.reason)
            return
        has_keys = bool(keys)
        now_s = time.time()
        active = [key for key in keys if _is_active(key, now_s)]
        num_limited = sum(bool(key.limits) or key.group in groups for key in active)
        text = f"{len(active)} in use, {num_limited} of them with limits; kept in {store.where}"
        yield Finding("keys", "ok", text)
        if model is not None:
            yield from check_models(active, model)
    try:
        check_reachability(configuration, has_keys=has_keys)
    except SettingError as error:
        yield Finding("keys", "problem", str(error))


def check_state_directory(settings: Settings) -> Finding:
    """Whether a ledger can be created in the state directory."""
    directory = settings.state_dir or default_state_directory()
    if writable_place(directory) is None:
        advice = "name another one with --state-dir"
        return Finding("keys", "problem", f"{directory} cannot be written to", advice)
    return Finding("keys", "ok", f"none yet; they will be kept in {directory}")


def check_models(keys: Sequence[ApiKey], model: ServedModel) -> Iterator[Finding]:
    """A warning for every key whose models are all not served."""
    served = {model.name, *model.aliases}
    for key in keys:
        if key.models and not served & set(key.models):
            text = f"{key.name} may use only {', '.join(key.models)}, which is not served here"
            yield Finding("keys", "warning", text, f"galop keys change {key.name} --model ...")


def _has_ledger(settings: Settings) -> bool:
    from galop.accounts.database import DATABASE_NAME

    directory = settings.state_dir or default_state_directory()
    return settings.ledger_url is not None or (directory / DATABASE_NAME).exists()


def _is_active(key: ApiKey, now_s: float) -> bool:
    return key.revoked_s is None and (key.expires_s is None or key.expires_s > now_s)
