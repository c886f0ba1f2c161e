"""The table of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from galop.config.settings import (
    SETTINGS,
    SettingError,
    Settings,
    default_cache_directory,
    default_state_directory,
)


def test_every_field_is_a_row_with_its_default() -> None:
    """In the order of the fields."""
    assert tuple(SETTINGS) == Settings.__struct_fields__
    defaults = Settings()
    for name, setting in SETTINGS.items():
        assert setting.default == getattr(defaults, name)
        assert setting.description


@pytest.mark.parametrize(
    ("name", "metavar", "bounds"),
    [
        ("port", "N", "1 to 65535"),
        ("max_waiting", "N", "at least 0"),
        ("compat", "default|groq-2024", ""),
        ("host", "TEXT", ""),
        ("model", "PATH", ""),
    ],
)
def test_help_texts_name_the_kind_and_the_range_of_a_value(
    name: str, metavar: str, bounds: str
) -> None:
    """From the type and its bounds."""
    assert SETTINGS[name].metavar == metavar
    assert SETTINGS[name].bounds == bounds


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("port", "80", 80),
        ("threads", "2", 2),
        ("tuned", "OFF", False),
        ("alias", "a=b, c=d,", ("a=b", "c=d")),
        ("cache_dir", "/x", Path("/x")),
        ("compat", "groq-2024", "groq-2024"),
    ],
)
def test_text_becomes_the_type_of_the_setting(name: str, text: str, value: object) -> None:
    """Flags and variables are text."""
    assert SETTINGS[name].parse_text(text, "source") == value


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("port", "80", "'80' is not a whole number, 1 to 65535"),
        ("port", 0, "0 is not a whole number, 1 to 65535"),
        ("host", " ", "is empty"),
        ("compat", "x", "'x' is not one of default, groq-2024"),
        ("cache_dir", 5, "Expected a path, got 5"),
    ],
)
def test_values_of_the_file_have_the_type_of_the_setting(
    name: str, value: object, reason: str
) -> None:
    """TOML has numbers, so text is not one."""
    with pytest.raises(SettingError) as caught:
        SETTINGS[name].convert(value, "galop.toml: x")
    assert (caught.value.source, caught.value.reason) == ("galop.toml: x", reason)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/somewhere", "/somewhere/galop"),
        ("", "~/.local/state/galop"),
        ("relative", "~/.local/state/galop"),
    ],
)
def test_the_state_is_where_the_user_keeps_states(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: str
) -> None:
    """XDG Base Directory Specification: a relative path counts as unset."""
    monkeypatch.setenv("XDG_STATE_HOME", value)
    assert default_state_directory() == Path(expected).expanduser()


@pytest.mark.parametrize(
    ("value", "expected"),
    [("/somewhere", "/somewhere/galop"), ("", "~/.cache/galop"), ("relative", "~/.cache/galop")],
)
def test_the_cache_is_where_the_user_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: str
) -> None:
    """XDG Base Directory Specification: a relative path counts as unset."""
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert default_cache_directory() == Path(expected).expanduser()
