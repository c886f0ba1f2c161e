"""The model that the settings name: its file, ids, weights and context window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from galop.config.settings import (
    EMBEDDED_MODEL_NAME,
    PAGE_MODEL_NAMES,
    SettingError,
    default_cache_directory,
)
from galop.config.sources import Configuration
from galop.host import available_cores
from galop.library.embedded import embedded_model_path
from galop.tuning.stored import TunedWeights, find_tuned


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model to serve."""

    source: str
    """Path of a GGUF file, or `scripted:...`."""
    name: str
    """The id under which GET /models lists it."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Alias to the model's id."""
    tuned: TunedWeights | None = None
    """The result of `galop tune`; None for the file as shipped."""

    @property
    def is_scripted(self) -> bool:
        """Whether it is the model without weights."""
        return self.source.startswith("scripted:")

    @property
    def path(self) -> Path:
        """The GGUF file, from which vocabulary and template come even if the weights are converted."""
        return Path(self.source)

    @property
    def weights(self) -> str:
        """Path of the file that the engine loads: the converted copy if there is one, else `source`."""
        return str(self.tuned.path) if self.tuned and self.tuned.path else self.source


def served_model(configuration: Configuration) -> ServedModel:
    """The model of the settings, with the result of `galop tune` unless the setting `tuned` is off.

    Raises `SettingError` and `EmbeddedModelMissingError`.
    """
    settings = configuration.settings
    source = model_source(configuration)
    is_embedded = settings.model is None
    name = settings.model_name or (EMBEDDED_MODEL_NAME if is_embedded else _name_of(source))
    model = ServedModel(
        source=source,
        name=name,
        aliases=_aliases(
            settings.alias,
            name,
            source=configuration.source_of("alias"),
            has_defaults=settings.default_aliases and is_embedded,
        ),
    )
    if not settings.tuned or model.is_scripted:
        return model
    tuned = find_tuned(
        model.path,
        settings.cache_dir or default_cache_directory(),
        settings.threads or available_cores(),
    )
    return replace(model, tuned=tuned)


def model_source(configuration: Configuration) -> str:
    """The path of an existing file, or `scripted:...`.

    Raises `SettingError` and `EmbeddedModelMissingError`.
    """
    model = configuration.settings.model
    if model is None:
        return str(embedded_model_path())
    if not model.startswith("scripted:") and not Path(model).is_file():
        raise SettingError(configuration.source_of("model"), f"no such file: {model}")
    return model


def _name_of(source: str) -> str:
    return "scripted" if source.startswith("scripted:") else Path(source).stem.lower()


def _aliases(
    given: tuple[str, ...], model_name: str, *, source: str, has_defaults: bool
) -> dict[str, str]:
    aliases = dict.fromkeys(PAGE_MODEL_NAMES, model_name) if has_defaults else {}
    for text in given:
        alias, separator, target = text.partition("=")
        if not separator or not alias or not target:
            raise SettingError(source, f"{text!r} is not NAME=MODEL")
        if target != model_name and target not in aliases:
            raise SettingError(
                source, f"{target!r} is not served here; the model is {model_name!r}"
            )
        if alias == model_name:
            raise SettingError(source, f"{alias!r} is the model itself")
        aliases[alias] = model_name
    return aliases


def served_context_window(configuration: Configuration, training_context: int) -> int:
    """The context window, in tokens. `training_context`: tokens the model was trained for, 0 if unknown.

    The default is reduced to the training context. A larger window that was set raises `SettingError`.
    """
    window = configuration.settings.context_window
    if not training_context or window <= training_context:
        return window
    if configuration.origins["context_window"] != "default":
        raise SettingError(
            configuration.source_of("context_window"),
            f"{window} tokens are more than the {training_context} that the model was trained for",
        )
    return training_context
