"""Whether others can reach the server's address, and whether they may without an API key."""

from __future__ import annotations

import ipaddress

from galop.config.settings import SettingError
from galop.config.sources import Configuration


def check_reachability(configuration: Configuration, *, has_keys: bool) -> None:
    """Raises `SettingError` where others could use the server and nobody has said that they may."""
    settings = configuration.settings
    if has_keys or settings.allow_anonymous or is_loopback(settings.host):
        return
    raise SettingError(
        configuration.source_of("host"),
        f"{settings.host} can be reached by others, and there are no API keys yet. Make one with "
        "`galop keys create NAME`, or say --allow-anonymous if everybody may use this server.",
    )


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name: it may lead anywhere
