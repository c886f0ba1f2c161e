"""Whether the model's file can be served: vocabulary, context window, template, weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from galop.cli.doctor import kernels
from galop.cli.doctor.finding import Finding
from galop.cli.doctor.memory import check_memory
from galop.config.models import ServedModel, served_context_window
from galop.config.settings import SettingError
from galop.config.sources import Configuration
from galop.host import available_memory

if TYPE_CHECKING:
    from galop.backends.llama.model import LlamaModel


def check(configuration: Configuration, model: ServedModel) -> Iterator[Finding]:
    """The kernels, the file and what it needs. Reads the file's vocabulary, not its weights."""
    if model.is_scripted:
        yield Finding("model", "ok", "scripted: no weights are loaded")
        return
    from galop.backends.llama.errors import ModelError
    from galop.backends.llama.model import LlamaModel

    yield from kernels.check()
    try:
        vocabulary = LlamaModel(model.path, vocab_only=True)
    except ModelError as error:
        yield Finding("model", "problem", str(error), "give another file with --model")
        return
    with closing(vocabulary):
        yield from _check_file(configuration, model, vocabulary)


def check_template(source: str | None) -> Iterator[Finding]:
    """Render one message with the model's chat template; None and empty: it has none."""
    from galop.chat import ChatTemplate, RenderingPool
    from galop.chat.errors import TemplateError, TemplateLimitError

    if not source:
        advice = "ChatML is used; answers may be odd"
        yield Finding("model", "warning", "it has no chat template", advice)
        return
    try:
        with closing(RenderingPool()) as renderer:
            template = ChatTemplate(source, bos_token="", eos_token="", renderer=renderer)
            template.render([{"role": "user", "content": "Hi"}])
    except TemplateError as error:
        yield Finding("model", "problem", error.reason, "give another file with --model")
    except TemplateLimitError as error:
        text = f"its chat template needs {error}"
        yield Finding("model", "problem", text, "give another file with --model")


def check_tuned(model: ServedModel) -> Finding:
    """Which weights are served, by the result of `galop tune`."""
    if model.tuned is None:
        return Finding(
            "weights",
            "ok",
            "as shipped, not tuned for this machine",
            "`galop tune` finds the fastest format; it takes some minutes",
        )
    text = f"{model.tuned.format_name}, tuned on {model.tuned.tuned_on}"
    return Finding("weights", "ok", text)


def _check_file(
    configuration: Configuration, model: ServedModel, vocabulary: LlamaModel
) -> Iterator[Finding]:
    from galop.backends.llama.footprint import kv_bytes_per_token

    try:
        window = served_context_window(configuration, vocabulary.training_context)
    except SettingError as error:
        yield Finding("settings", "problem", str(error), "ask for less, or leave it out")
        window = vocabulary.training_context
    yield Finding("model", "ok", f"{model.name}: {model.path}, context window {window}")
    yield from check_template(vocabulary.metadata("tokenizer.chat_template"))
    yield check_tuned(model)
    yield check_memory(
        weights_bytes=Path(model.weights).stat().st_size,
        cache_bytes_per_token=kv_bytes_per_token(vocabulary),
        window=window,
        num_sequences=configuration.settings.max_sequences,
        available_bytes=available_memory(),
    )
