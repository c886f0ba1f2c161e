"""Looks at the machine and the settings as `galop serve` would meet them, and says what to do.

Every check is a function from the configuration to findings. None of them makes anything; a ledger that
exists is opened as `galop serve` opens it, which migrates an older one.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from galop import __version__
from galop.app.checks import check_settings
from galop.config.models import ServedModel, served_context_window, served_model
from galop.config.settings import SettingError, default_cache_directory, default_state_directory
from galop.config.sources import Configuration
from galop.host import available_cores, available_memory, cpu_features, cpu_quota
from galop.library.embedded import EmbeddedModelMissingError

if TYPE_CHECKING:
    from galop.accounts.keys import ApiKey

Verdict = Literal["ok", "warning", "problem"]

_PACKAGES = ("llama-cpp-python", "llguidance", "msgspec", "starlette", "uvicorn", "numpy")
_FEATURES = {
    "avx2": "AVX2",
    "fma": "FMA",
    "f16c": "F16C",
    "avx512f": "AVX512",
    "avx512_vnni": "AVX512_VNNI",
    "avx512_bf16": "AVX512_BF16",
    "amx_int8": "AMX_INT8",
}
"""The kernel's names of what speeds the kernels up, and llama.cpp's."""
_ENOUGH_FILES = 1024
_FREE_DISK_BYTES = 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. A problem keeps `galop serve` from working; a warning does not."""

    subject: str
    verdict: Verdict
    text: str
    advice: str = ""


def examine(configuration: Configuration) -> Iterator[Finding]:
    """Every finding, in the order in which things would go wrong."""
    yield from _versions()
    yield from _cores()
    yield from _settings(configuration)
    model = None
    try:
        model = served_model(configuration)
    except (SettingError, EmbeddedModelMissingError) as error:
        yield Finding("model", "problem", str(error))
    else:
        yield from _model(configuration, model)
    yield from _keys(configuration, model)
    yield from _address(configuration)
    yield from _open_files()
    yield from _cache_directory(configuration)
    yield from _collector(configuration)


def _versions() -> Iterator[Finding]:
    versions = [f"galop {__version__}", f"Python {platform.python_version()}"]
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            yield Finding("versions", "problem", f"{name} is not installed", "pip install galop")
    yield Finding("versions", "ok", ", ".join(versions))


def _cores() -> Iterator[Finding]:
    cores, quota = available_cores(), cpu_quota()
    limit = "" if quota is None else f", CPU quota {quota:g}"
    text = f"{cores} of {os.cpu_count()} usable{limit}"
    yield Finding("cores", "ok", text)
    load = os.getloadavg()[0]
    if load > cores / 2:
        yield Finding(
            "load",
            "warning",
            f"other programs keep {load:.1f} cores busy",
            "answers will be slower; stop them, or give the server fewer with --threads",
        )


def _settings(configuration: Configuration) -> Iterator[Finding]:
    for warning in configuration.warnings:
        yield Finding("settings", "warning", warning)
    try:
        check_settings(configuration)
    except SettingError as error:
        yield Finding("settings", "problem", str(error))
    else:
        yield Finding("settings", "ok", str(configuration.file or "no galop.toml"))


def _model(configuration: Configuration, model: ServedModel) -> Iterator[Finding]:
    if model.is_scripted:
        yield Finding("model", "ok", "scripted: no weights are loaded")
        return
    from galop.backends.llama.errors import ModelError
    from galop.backends.llama.footprint import compiled_features, kv_bytes_per_token
    from galop.backends.llama.library import kernels
    from galop.backends.llama.model import LlamaModel

    features, compiled = cpu_features(), compiled_features()
    missing = [
        llama_name
        for kernel_name, llama_name in _FEATURES.items()
        if kernel_name in features and llama_name not in compiled
    ]
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
    if missing:
        yield Finding(
            "kernels",
            "warning",
            f"this CPU also has {', '.join(missing)}",
            "compile on this machine: pip install --force-reinstall --no-cache-dir llama-cpp-python",
        )
    try:
        vocabulary = LlamaModel(model.path, vocab_only=True)
    except ModelError as error:
        yield Finding("model", "problem", str(error), "give another file with --model")
        return
    try:
        window = served_context_window(configuration, vocabulary.training_context)
    except SettingError as error:
        yield Finding("settings", "problem", str(error), "ask for less, or leave it out")
        window = vocabulary.training_context
    text = f"{model.name}: {model.path}, context window {window}"
    yield Finding("model", "ok", text)
    yield from _template(vocabulary.metadata("tokenizer.chat_template"))
    yield from _tuned(model)
    yield memory_finding(
        weights=Path(model.weights).stat().st_size,
        cache_per_token=kv_bytes_per_token(vocabulary),
        window=window,
        num_sequences=configuration.settings.max_sequences,
        available=available_memory(),
    )
    vocabulary.close()


def _template(source: str | None) -> Iterator[Finding]:
    from galop.chat import ChatTemplate
    from galop.chat.errors import TemplateError

    if not source:
        yield Finding(
            "model", "warning", "it has no chat template", "ChatML is used; answers may be odd"
        )
        return
    try:
        ChatTemplate(source, bos_token="", eos_token="").render([{"role": "user", "content": "Hi"}])
    except TemplateError as error:
        yield Finding("model", "problem", error.reason, "give another file with --model")


def _tuned(model: ServedModel) -> Iterator[Finding]:
    if model.tuned is None:
        yield Finding(
            "weights",
            "ok",
            "as shipped, not tuned for this machine",
            "`galop tune` finds the fastest format; it takes some minutes",
        )
    else:
        yield Finding(
            "weights", "ok", f"{model.tuned.format_name}, tuned on {model.tuned.tuned_on}"
        )


def memory_finding(
    *,
    weights: int,
    cache_per_token: int | None,
    window: int,
    num_sequences: int,
    available: int | None,
) -> Finding:
    """Whether weights and a full KV cache fit. Sizes are in bytes, None where unknown."""
    if cache_per_token is None or available is None:
        return Finding("memory", "ok", f"{_size(weights)} of weights; the rest cannot be told")
    cache_per_sequence = cache_per_token * window
    text = (
        f"{_size(weights)} of weights and at most {_size(cache_per_sequence * num_sequences)} of KV "
        f"cache ({num_sequences} x {window} tokens, {_size(cache_per_token)} each, taken as it "
        f"fills); {_size(available)} available"
    )
    num_fitting = (available - weights) // cache_per_sequence
    if num_fitting < 1:
        advice = "use a smaller model, quantization or --context-window"
        return Finding("memory", "problem" if weights > available else "warning", text, advice)
    if num_fitting < num_sequences:
        advice = f"all at full length would not fit: --max-sequences {num_fitting} would"
        return Finding("memory", "warning", text, advice)
    return Finding("memory", "ok", text)


def _keys(configuration: Configuration, model: ServedModel | None) -> Iterator[Finding]:
    from galop.accounts.database import DATABASE_NAME
    from galop.accounts.errors import LedgerUnavailableError
    from galop.cli.store import open_store
    from galop.config.reachability import check_reachability

    settings = configuration.settings
    directory = settings.state_dir or default_state_directory()
    keys: list[ApiKey] = []
    if settings.ledger_url is None and not (directory / DATABASE_NAME).exists():
        place = _writable_place(directory)
        if place is None:
            advice = "name another one with --state-dir"
            yield Finding("keys", "problem", f"{directory} cannot be written to", advice)
            return
        yield Finding("keys", "ok", f"none yet; they will be kept in {directory}")
    else:
        try:
            with closing(open_store(settings)) as store:
                keys, groups = store.read_keys()
        except LedgerUnavailableError as error:
            yield Finding("keys", "problem", error.reason)
            return
        now_s = time.time()
        active = [key for key in keys if _is_active(key, now_s)]
        num_limited = sum(bool(key.limits) or key.group in groups for key in active)
        text = f"{len(active)} in use, {num_limited} of them with limits; kept in {store.where}"
        yield Finding("keys", "ok", text)
        yield from _models_of_keys(active, model)
    try:
        check_reachability(configuration, has_keys=bool(keys))
    except SettingError as error:
        yield Finding("keys", "problem", str(error))


def _is_active(key: ApiKey, now_s: float) -> bool:
    return key.revoked_s is None and (key.expires_s is None or key.expires_s > now_s)


def _models_of_keys(keys: list[ApiKey], model: ServedModel | None) -> Iterator[Finding]:
    served = {model.name, *model.aliases} if model is not None else set()
    for key in keys:
        if model is not None and key.models and not served & set(key.models):
            text = f"{key.name} may use only {', '.join(key.models)}, which is not served here"
            yield Finding("keys", "warning", text, f"galop keys change {key.name} --model ...")


def _address(configuration: Configuration) -> Iterator[Finding]:
    from galop.serving.server import PortTakenError, listen

    settings = configuration.settings
    try:
        listen(settings.host, settings.port, client_timeout_s=settings.client_timeout).close()
    except PortTakenError as error:
        yield Finding("address", "problem", str(error), "choose another one with --port")
    else:
        yield Finding("address", "ok", f"{settings.host} port {settings.port} is free")


def _open_files() -> Iterator[Finding]:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_enough = limit == resource.RLIM_INFINITY or limit >= _ENOUGH_FILES
    yield Finding(
        "open files",
        "ok" if is_enough else "warning",
        f"at most {limit}; every client takes one",
        "" if is_enough else "raise it: ulimit -n, or LimitNOFILE= in the systemd unit",
    )


def _cache_directory(configuration: Configuration) -> Iterator[Finding]:
    directory = configuration.settings.cache_dir or default_cache_directory()
    place = _writable_place(directory)
    if place is None:
        advice = "only `galop tune` needs that; name another one with --cache-dir"
        yield Finding("cache", "warning", f"{directory} cannot be written to", advice)
        return
    free = shutil.disk_usage(place).free
    text = f"{directory} can be written to, {_size(free)} free"
    is_enough = free >= _FREE_DISK_BYTES
    yield Finding("cache", "ok" if is_enough else "warning", text, "" if is_enough else "free some")


def _writable_place(directory: Path) -> Path | None:
    """The directory, or the nearest one above in which it can be made; None if neither can be."""
    nearest = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    is_writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return nearest if is_writable else None


def _collector(configuration: Configuration) -> Iterator[Finding]:
    endpoint = configuration.settings.otlp_endpoint
    parts = urlsplit(endpoint or "")
    if endpoint is None or not parts.hostname:
        return
    address = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection(address, timeout=3).close()
    except OSError as error:
        advice = "requests are answered all the same; traces are lost"
        yield Finding("traces", "warning", f"no collector at {endpoint}: {error}", advice)
    else:
        yield Finding("traces", "ok", f"a collector listens at {endpoint}")


def _size(num_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if num_bytes < 1000:
            return f"{num_bytes:.0f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} GB"
