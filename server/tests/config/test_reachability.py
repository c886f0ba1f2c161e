"""Addresses that other machines can reach."""

from __future__ import annotations

import pytest

from galop.config.reachability import check_reachability, is_loopback
from galop.config.settings import SettingError
from galop.config.sources import configure


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("my-machine", False),
    ],
)
def test_only_loopback_addresses_are_of_this_machine(
    host: str, expected: bool
) -> None:  # a parameter of the test
    """Names other than localhost may resolve to anything."""
    assert is_loopback(host) is expected


def test_an_open_address_without_keys_is_refused_by_its_source() -> None:
    """The message says both ways out."""
    configuration = configure({}, {"GALOP_HOST": "0.0.0.0"})
    with pytest.raises(SettingError, match=r"GALOP_HOST: .*keys create.*--allow-anonymous"):
        check_reachability(configuration, has_keys=False)


@pytest.mark.parametrize(
    ("flags", "has_keys"),
    [
        ({"host": "0.0.0.0"}, True),
        ({"host": "0.0.0.0", "allow_anonymous": True}, False),
        ({}, False),
    ],
)
def test_keys_or_a_setting_or_loopback_are_enough(
    flags: dict[str, object],
    has_keys: bool,  # a parameter of the test
) -> None:
    """Each alone."""
    check_reachability(configure(flags, {}), has_keys=has_keys)
