"""Settings from where an operator writes them: flags, then the environment, then galop.toml.

Pure but for reading the one file. What is wrong is told by the name of its source: `--port`,
`GALOP_PORT`, `galop.toml: port`.
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
"""Read where it lies in the working directory and no other file is named."""
FILE_VARIABLE = "GALOP_CONFIG"
"""The variable that names the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The settings, and where each came from."""

    settings: Settings
    origins: Mapping[str, Origin]
    sources: Mapping[str, str]
    """What the operator wrote, for those that are not defaults: `--port`, `GALOP_PORT`, ..."""
    file: Path | None
    """The file that was read."""
    warnings: tuple[str, ...] = ()
    """Variables that look like settings and are none."""

    def source_of(self, name: str) -> str:
        """How to name a setting to the operator who gave it."""
        return self.sources.get(name, SETTINGS[name].flag)


def configure(
    flags: Mapping[str, object], environment: Mapping[str, str], file: Path | None = None
) -> Configuration:
    """The settings. `flags` maps names to what the command line had, None where it had nothing.

    Raises `SettingError` for the first thing that is wrong.
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
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors add marks
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
