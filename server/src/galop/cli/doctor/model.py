"""Checks of the model: kernels, vocabulary, context window, template, weights, memory."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from galop.cli.doctor.finding import Finding, Verdict, size_text
from galop.config.models import ServedModel, served_context_window
from galop.config.settings import SettingError
from galop.config.sources import Configuration
from galop.host import available_memory, cpu_features

if TYPE_CHECKING:
    from galop.backends.llama.model import LlamaModel


FEATURES = {
    "avx2": "AVX2",
    "fma": "FMA",
    "f16c": "F16C",
    "avx512f": "AVX512",
    "avx512_vnni": "AVX512_VNNI",
    "avx512_bf16": "AVX512_BF16",
    "amx_int8": "AMX_INT8",
}
"""CPU features that make matrix products faster: Linux's name in /proc/cpuinfo to llama.cpp's."""


def check_model(configuration: Configuration, model: ServedModel) -> Iterator[Finding]:
    """The kernels, the file and what it needs. Reads the file's vocabulary, not its weights."""
    if model.is_scripted:
        yield Finding("model", "ok", "scripted: no weights are loaded")
        return
    from galop.backends.llama.errors import ModelError
    from galop.backends.llama.model import LlamaModel

    yield from check_kernels()
    try:
        vocabulary = LlamaModel(model.path, vocab_only=True)
    except ModelError as error:
        yield Finding("model", "problem", str(error), "give another file with --model")
        return
    with closing(vocabulary):
        yield from _check_file(configuration, model, vocabulary)


def check_kernels() -> Iterator[Finding]:
    """llama.cpp's compiled features, galop's own kernels, and features of the CPU left unused."""
    from galop.backends.llama.footprint import compiled_features
    from galop.backends.llama.library import kernels

    compiled = compiled_features()
    yield Finding("kernels", "ok", f"compiled for {', '.join(sorted(compiled)) or 'any CPU'}")
    if kernels.is_active:
        yield Finding("kernels", "ok", "galop's own multiply Q4_1 and Q8_0 weights, and attend")
    else:
        yield Finding(
            "kernels",
            "warning",
            f"galop's own do not run: {kernels.reason}",
            "llama.cpp's do, several times slower for Q4_1; see docs/decisions/0008",
        )
    if unused := unused_features(cpu_features(), compiled):
        yield Finding(
            "kernels",
            "warning",
            f"this CPU also has {', '.join(unused)}",
            "compile on this machine: pip install --force-reinstall --no-cache-dir llama-cpp-python",
        )


def unused_features(cpu: AbstractSet[str], compiled: AbstractSet[str]) -> list[str]:
    """llama.cpp's names of features that the CPU has and llama.cpp was not compiled for.

    `cpu` holds Linux's names, `compiled` llama.cpp's.
    """
    return [
        llama_name
        for linux_name, llama_name in FEATURES.items()
        if linux_name in cpu and llama_name not in compiled
    ]


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
        yield Finding("settings", "problem", str(error), "set a smaller one, or leave it out")
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


def check_memory(
    *,
    weights_bytes: int,
    cache_bytes_per_token: int | None,
    window: int,
    num_sequences: int,
    available_bytes: int | None,
) -> Finding:
    """Whether the weights and a full KV cache fit.

    The cache holds `num_sequences` sequences of `window` tokens. None: the number is unknown.
    """
    if cache_bytes_per_token is None or available_bytes is None:
        text = f"{size_text(weights_bytes)} of weights; the rest is unknown"
        return Finding("memory", "ok", text)
    sequence_bytes = cache_bytes_per_token * window
    text = (
        f"{size_text(weights_bytes)} of weights and at most "
        f"{size_text(sequence_bytes * num_sequences)} of KV cache ({num_sequences} x {window} "
        f"tokens, {size_text(cache_bytes_per_token)} each, taken as it fills); "
        f"{size_text(available_bytes)} available"
    )
    num_fitting = (available_bytes - weights_bytes) // sequence_bytes
    if num_fitting < 1:
        advice = "use a smaller model, quantization or --context-window"
        verdict: Verdict = "problem" if weights_bytes > available_bytes else "warning"
        return Finding("memory", verdict, text, advice)
    if num_fitting < num_sequences:
        advice = f"all at full length would not fit: --max-sequences {num_fitting} would"
        return Finding("memory", "warning", text, advice)
    return Finding("memory", "ok", text)
