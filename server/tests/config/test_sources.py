"""Settings from flags, environment and galop.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from galop.config.settings import SETTINGS, SettingError
from galop.config.sources import configure

REPOSITORY = Path(__file__).parents[3]


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "galop.toml"
    path.write_text(text)
    return path


def test_a_flag_goes_before_a_variable_before_the_file_before_the_default(tmp_path: Path) -> None:
    """And each setting knows where it came from."""
    file = toml(tmp_path, "port = 1001\nmax_waiting = 1\nmax_sequences = 1")
    environment = {"GALOP_PORT": "1002", "GALOP_MAX_WAITING": "2"}

    configuration = configure({"port": "1003"}, environment, file)

    settings = configuration.settings
    assert (settings.port, settings.max_waiting, settings.max_sequences) == (1003, 2, 1)
    assert settings.host == SETTINGS["host"].default
    assert [configuration.origins[name] for name in ("port", "max_waiting", "max_sequences")] == [
        "flag",
        "environment",
        "file",
    ]
    assert configuration.origins["host"] == "default"


def test_every_setting_can_be_said_in_all_three_ways(tmp_path: Path) -> None:
    """The same value comes out of a flag, a variable and a line of the file."""
    for setting in SETTINGS.values():
        if setting.is_switch:
            text, line = ("0", "false") if setting.default else ("1", "true")
        elif setting.choices:
            text, line = setting.choices[-1], f'"{setting.choices[-1]}"'
        elif setting.is_list:
            text, line = "a,b", '["a", "b"]'
        elif setting.bounds:
            text = line = str(setting.meta.le or (setting.meta.ge or 0) + 7)
        else:
            text, line = "x", '"x"'
        flag: object = text
        if setting.is_switch or setting.is_list:
            flag = not setting.default if setting.is_switch else ["a", "b"]
        values = [
            getattr(configure({setting.name: flag}, {}).settings, setting.name),
            getattr(configure({}, {setting.variable: text}).settings, setting.name),
            getattr(
                configure({}, {}, toml(tmp_path, f"{setting.name} = {line}")).settings, setting.name
            ),
        ]
        assert values[0] == values[1] == values[2] != setting.default, setting.name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 1", "galop.toml: prot: there is no such setting; did you mean port?"),
        ("max-waiting = 1", "did you mean max_waiting?"),
        ("port = 0", "galop.toml: port: 0 is not a whole number, 1 to 65535"),
        ('port = "8000"', "'8000' is not a whole number"),
        ("port = 80.5", "80.5 is not a whole number"),
        ("tuned = 1", "galop.toml: tuned: Expected bool"),
        ("model = 3", "Expected str"),
        ("cache_dir = 3", "Expected"),
        ('compat = "groq-2023"', "'groq-2023' is not one of default, groq-2024"),
        ('host = ""', "galop.toml: host: is empty"),
        ('alias = "a=b"', "Expected array"),
        ("[engine]\nport = 1", "there is no such setting"),
        ("port = ", "is not TOML"),
        ("port = 1\nport = 2", "is not TOML"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    """The file, the key, and what to write instead."""
    with pytest.raises(SettingError) as caught:
        configure({}, {}, toml(tmp_path, text))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("GALOP_PORT", "tcp://10.0.0.1:8000", "GALOP_PORT: 'tcp://10.0.0.1:8000'"),
        ("GALOP_HOST", "", "GALOP_HOST: is empty"),
        ("GALOP_PORT", " ", "GALOP_PORT: is empty"),
        ("GALOP_MODEL", "", "GALOP_MODEL: is empty"),
        ("GALOP_TUNED", "maybe", "GALOP_TUNED: 'maybe' is neither true nor false"),
        ("GALOP_LOG_LEVEL", "loud", "GALOP_LOG_LEVEL: 'loud' is not one of debug"),
        ("GALOP_CONFIG", "/no/such/file", "/no/such/file: No such file or directory"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(variable: str, text: str, message: str) -> None:
    """The variable, not the flag that it stands for."""
    with pytest.raises(SettingError) as caught:
        configure({}, {variable: text})
    assert message in str(caught.value)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Some editors write one."""
    path = tmp_path / "galop.toml"
    path.write_bytes(b"\xef\xbb\xbfport = 9000")
    assert configure({}, {}, path).settings.port == 9000


def test_an_empty_list_in_the_environment_is_no_entry() -> None:
    """As compose files write it for "not set"."""
    assert configure({}, {"GALOP_ALIAS": "", "GALOP_CONFIG": ""}).settings.alias == ()


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Such as a model file given as --config."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF\xff\xfe")
    with pytest.raises(SettingError, match="UTF-8"):
        configure({}, {}, path)


def test_the_file_in_the_working_directory_is_read_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--config before GALOP_CONFIG before ./galop.toml."""
    toml(tmp_path, "port = 1")
    for number in (2, 3):
        (tmp_path / f"{number}.toml").write_text(f"port = {number}")
    monkeypatch.chdir(tmp_path)

    environment = {"GALOP_CONFIG": "2.toml"}
    assert configure({}, {}).settings.port == 1
    assert configure({}, environment).settings.port == 2
    assert configure({}, environment, Path("3.toml")).settings.port == 3


def test_a_variable_that_looks_like_a_setting_is_warned_about() -> None:
    """Kubernetes, for one, sets GALOP_SERVICE_HOST beside a service called galop."""
    configuration = configure({}, {"GALOP_PROT": "1", "GALOPPING": "yes"})
    assert configuration.warnings == (
        "GALOP_PROT: there is no such variable; did you mean GALOP_PORT?",
    )


def test_the_example_file_is_accepted_with_every_line_uncommented(tmp_path: Path) -> None:
    """What it shows are values that pass, and no setting is missing."""
    text = (REPOSITORY / "deploy" / "galop.toml").read_text()
    lines = [line.removeprefix("# ") for line in text.splitlines()]
    entries = [line for line in lines if line.split(" = ")[0] in SETTINGS]
    configuration = configure({}, {}, toml(tmp_path, "\n".join(entries)))
    assert set(configuration.origins.values()) == {"file"}
