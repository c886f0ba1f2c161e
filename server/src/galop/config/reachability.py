"""Refuses to serve other machines without API keys unless a setting allows it."""

from __future__ import annotations

import ipaddress

from galop.config.settings import SettingError
from galop.config.sources import Configuration


def check_reachability(configuration: Configuration, *, has_keys: bool) -> None:
    """Raises `SettingError` if other machines could use the server without key or `allow_anonymous`."""
    settings = configuration.settings
    if has_keys or settings.allow_anonymous or is_loopback(settings.host):
        return
    raise SettingError(
        configuration.source_of("host"),
        f"other machines can reach {settings.host}, and there are no API keys yet. Create one with "
        "`galop keys create NAME`, or set --allow-anonymous if everybody may use this server.",
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to `host`; False for names other than localhost."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a host name may resolve to any address
