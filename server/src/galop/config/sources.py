"""Reads the settings: flags override environment variables, which override galop.toml.

Errors name the source as the operator wrote it: `--port`, `GALOP_PORT`, `galop.toml: port`. Reads one
file and is pure otherwise.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from galop.config.settings import SETTINGS, SettingError, Settings

Origin = Literal["flag", "environment", "file", "default"]

DEFAULT_FILE = Path("galop.toml")
"""Read if it exists in the working directory and no other file is named."""
FILE_VARIABLE = "GALOP_CONFIG"
"""The variable that names the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The settings and their sources."""

    settings: Settings
    origins: Mapping[str, Origin]
    """Kind of source of every setting."""
    sources: Mapping[str, str]
    """Name of the source of every setting that is not a default: `--port`, `GALOP_PORT`, ..."""
    file: Path | None
    """The file that was read; None if there was none."""
    warnings: tuple[str, ...] = ()
    """One line per unknown variable `GALOP_...`."""

    def source_of(self, name: str) -> str:
        """Name of the source of a setting, for error messages; its flag if it is a default."""
        return self.sources.get(name, SETTINGS[name].flag)


def configure(
    flags: Mapping[str, object], environment: Mapping[str, str], file: Path | None = None
) -> Configuration:
    """Reads the settings. `flags`: name of a setting to the value of its flag, None if it was not given.

    `file`: None reads the file that `environment` names, or `DEFAULT_FILE`. Raises `SettingError` for the
    first error.
    """
    path = _file_to_read(file, environment)
    values: dict[str, object] = {}
    origins: dict[str, Origin] = dict.fromkeys(SETTINGS, "default")
    sources: dict[str, str] = {}

    def take(name: str, value: object, origin: Origin, source: str) -> None:
        values[name], origins[name], sources[name] = value, origin, source

    for key, value in (_read(path) if path is not None else {}).items():
        source = f"{path}: {key}"
        if key not in SETTINGS:
            raise SettingError(source, _unknown("setting", key, SETTINGS))
        take(key, SETTINGS[key].convert(value, source), "file", source)
    for name, setting in SETTINGS.items():
        if (text := environment.get(setting.variable)) is not None:
            take(name, setting.parse_text(text, setting.variable), "environment", setting.variable)
        if (given := flags.get(name)) is not None:
            parsed = (
                setting.parse_text(given, setting.flag)
                if isinstance(given, str)
                else setting.convert(given, setting.flag)
            )
            take(name, parsed, "flag", setting.flag)
    return Configuration(
        settings=Settings(**values),  # type: ignore[arg-type]  # each was converted to its type
        origins=origins,
        sources=sources,
        file=path,
        warnings=tuple(_unknown_variables(environment)),
    )


def _file_to_read(file: Path | None, environment: Mapping[str, str]) -> Path | None:
    if file is None and environment.get(FILE_VARIABLE):
        file = Path(environment[FILE_VARIABLE])
    if file is not None:
        return file
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(
            path.read_text(encoding="utf-8-sig")
        )  # some editors write a byte order mark
    except OSError as error:
        raise SettingError(str(path), error.strerror or str(error)) from None
    except UnicodeDecodeError:
        raise SettingError(str(path), "is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingError(str(path), f"is not TOML: {error}") from None


def _unknown_variables(environment: Mapping[str, str]) -> Iterable[str]:
    known = {setting.variable for setting in SETTINGS.values()} | {FILE_VARIABLE}
    for name in sorted(environment):
        if name.startswith("GALOP_") and name not in known:
            yield f"{name}: {_unknown('variable', name, known)}"


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name.replace("-", "_"), list(known), n=1)
    return f"there is no such {kind}" + (f"; did you mean {near[0]}?" if near else "")
