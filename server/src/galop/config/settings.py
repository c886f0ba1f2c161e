"""Every setting of the server: one table, from which flags, environment variables, the keys of
galop.toml, their validation and docs/configuration.md are made.

A setting called `max_waiting` is the flag --max-waiting, the variable GALOP_MAX_WAITING and the key
`max_waiting`. To add one, add a field here and use it in `app`; run `make docs`.
Where the values come from: `app.configuration`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from galop.logs import LogFormat
from galop.protocol.literals import Compat

LogLevel = Literal["debug", "info", "warning", "error"]

EMBEDDED_MODEL_NAME = "smollm2-135m-instruct"
PAGE_MODEL_NAMES = ("llama3-8b-8192", "llama3-70b-8192", "mixtral-8x7b-32768", "gemma-7b-it")
"""The models of the 2024 page "Chat Completion Models"."""


def default_cache_directory() -> Path:
    """Where `galop tune` keeps its result: `galop` in the user's cache directory.

    A relative XDG_CACHE_HOME is invalid (XDG Base Directory Specification) and counts as unset.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "galop"


def default_state_directory() -> Path:
    """Where keys and usage are kept: `galop` in the user's state directory.

    A relative XDG_STATE_HOME is invalid (XDG Base Directory Specification) and counts as unset.
    """
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state") / "galop"


Section = Literal["Model", "Network", "Keys", "Engine", "Limits", "Observability"]


def _option(
    section: Section,
    description: str,
    *,
    metavar: str | None = None,
    is_secret: bool = False,
    ge: float | None = None,
    le: float | None = None,
) -> Meta:
    """What the type and the default of a setting do not say."""
    extra = {"section": section, "metavar": metavar, "is_secret": is_secret}
    return Meta(description=description, ge=ge, le=le, extra=extra)


class Settings(Struct, frozen=True, kw_only=True):
    """What the operator asked for. Defaults are what an operator who says nothing gets."""

    model: Annotated[
        str | None,
        _option(
            "Model",
            "A GGUF file. Left out: the embedded SmolLM2-135M-Instruct. 'scripted:TEXT' answers "
            "TEXT without any model, for tests.",
            metavar="PATH",
        ),
    ] = None
    model_name: Annotated[
        str | None,
        _option(
            "Model",
            "The id clients use for the model. Left out: made from the file's name.",
            metavar="ID",
        ),
    ] = None
    alias: Annotated[
        tuple[str, ...],
        _option(
            "Model",
            "One more id for the model; can be given several times.",
            metavar="NAME=MODEL",
        ),
    ] = ()
    default_aliases: Annotated[
        bool,
        _option(
            "Model",
            "Let the embedded model also answer to the four model names of the 2024 page: "
            + ", ".join(PAGE_MODEL_NAMES)
            + ".",
        ),
    ] = True
    tuned: Annotated[
        bool,
        _option(
            "Model",
            "Serve the weights that `galop tune` found fastest, if it has been run for this model "
            "on this machine.",
        ),
    ] = True
    cache_dir: Annotated[
        Path | None,
        _option(
            "Model",
            "Where `galop tune` keeps its result. Left out: galop in the user's cache directory.",
            metavar="DIR",
        ),
    ] = None
    # Loopback: a server without keys is nobody else's business.
    host: Annotated[str, _option("Network", "Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, _option("Network", "Port to listen on.", ge=1, le=65535)] = 8000
    tls_cert: Annotated[
        Path | None,
        _option(
            "Network",
            "Serve HTTPS with the certificate chain in this PEM file; needs tls_key.",
            metavar="FILE",
        ),
    ] = None
    tls_key: Annotated[
        Path | None,
        _option("Network", "The private key of tls_cert, in PEM.", metavar="FILE"),
    ] = None
    cors_origin: Annotated[
        tuple[str, ...],
        _option(
            "Network",
            "Let web pages of this origin use the API, '*' for every page; can be given several "
            "times. Pages of other origins are refused.",
            metavar="ORIGIN",
        ),
    ] = ()
    compat: Annotated[
        Compat,
        _option(
            "Network",
            "'groq-2024' reproduces the limits of the 2024 page: JSON mode with stream or stop is "
            "refused, n is 1, no logprobs, no logit_bias.",
        ),
    ] = "default"
    allow_anonymous: Annotated[
        bool,
        _option(
            "Keys",
            "Answer requests without an API key although there are keys, and listen on addresses "
            "that others can reach although there are none.",
        ),
    ] = False
    state_dir: Annotated[
        Path | None,
        _option(
            "Keys",
            "Where keys, limits and usage are kept. Left out: galop in the user's state directory.",
            metavar="DIR",
        ),
    ] = None
    ledger_url: Annotated[
        str | None,
        _option(
            "Keys",
            "The database for keys, limits and usage: postgresql://USER:PASSWORD@HOST/NAME or "
            "sqlite:///FILE. Left out: SQLite in the state directory.",
            metavar="URL",
            is_secret=True,
        ),
    ] = None
    secret_file: Annotated[
        Path | None,
        _option(
            "Keys",
            "The server's own secret, with which API keys are stored. Servers that share a database "
            "need the same one. Left out: secret in the state directory, made when it is missing.",
            metavar="PATH",
        ),
    ] = None
    # KV cache memory is used only where tokens are, so idle places in the batch are free.
    max_sequences: Annotated[int, _option("Engine", "Completions in one batch.", ge=1, le=256)] = 16
    # The page's llama3-8b-8192 in its name. A model trained on less gets less.
    context_window: Annotated[
        int,
        _option(
            "Engine",
            "Tokens of prompt and completion together, at most what the model was trained for. "
            "Memory is used as it fills.",
            ge=256,
        ),
    ] = 8192
    prefill_chunk: Annotated[
        int,
        _option(
            "Engine",
            "Prompt tokens per step while others generate: lower means smoother streams, higher "
            "means faster first tokens.",
            ge=16,
            le=512,
        ),
    ] = 128
    threads: (
        Annotated[
            int,
            _option(
                "Engine",
                "Threads for large batches, at most one per core. Left out: one per core.",
                ge=1,
                le=1024,
            ),
        ]
        | None
    ) = None
    max_waiting: Annotated[
        int,
        _option(
            "Limits",
            "Completions that may wait for a place in the batch; more get a 503. One API key gets at most "
            "four fifths of it.",
            ge=0,
        ),
    ] = 128
    # About what the context windows of one full batch hold: minutes of prefill on two cores.
    max_waiting_tokens: Annotated[
        int,
        _option(
            "Limits",
            "Prompt tokens that may wait to be computed; requests beyond that get a 503, unless "
            "nothing else waits.",
            ge=1,
        ),
    ] = 131_072
    max_body_bytes: Annotated[int, _option("Limits", "Largest request body.", ge=1024)] = (
        4 * 1024 * 1024
    )
    request_timeout: (
        Annotated[
            int,
            _option(
                "Limits",
                "The longest that a completion may take, waiting included; then it is a 504. The header "
                "x-request-timeout can ask for less. Left out: as long as it needs.",
                metavar="SECONDS",
                ge=1,
            ),
        ]
        | None
    ) = None
    client_timeout: Annotated[
        int,
        _option(
            "Limits",
            "A client that takes longer to send its request, or takes nothing of its answer for "
            "this long, is disconnected and its completion cancelled.",
            metavar="SECONDS",
            ge=1,
        ),
    ] = 30
    drain_timeout: Annotated[
        int,
        _option(
            "Limits",
            "How long running answers may go on after SIGTERM or Ctrl-C.",
            metavar="SECONDS",
            ge=0,
        ),
    ] = 10
    crash_retries: Annotated[
        int,
        _option(
            "Limits",
            "How many more times a request is tried when the engine dies while working on it; "
            "its client sees a pause. The last try runs alone.",
            ge=0,
            le=10,
        ),
    ] = 2
    hang_timeout: Annotated[
        int,
        _option(
            "Limits",
            "An engine that has work and takes no step for this long is killed and started again.",
            metavar="SECONDS",
            ge=1,
        ),
    ] = 60
    log_level: Annotated[LogLevel, _option("Observability", "How much to log, to stderr.")] = "info"
    log_format: Annotated[
        LogFormat,
        _option("Observability", "'json' writes one object per line, with request ids as keys."),
    ] = "text"
    log_prompts: Annotated[
        bool,
        _option(
            "Observability",
            "Also log what users say and what the model answers. Off, neither is ever logged.",
        ),
    ] = False
    metrics: Annotated[
        bool, _option("Observability", "Serve metrics for Prometheus at /metrics.")
    ] = True
    otlp_endpoint: Annotated[
        str | None,
        _option(
            "Observability",
            "Send traces to this OpenTelemetry collector, by OTLP over HTTP; needs the extra "
            "galop[otel]. Left out: no traces.",
            metavar="URL",
        ),
    ] = None


class SettingError(Exception):
    """A setting is wrong. `source` names what the operator wrote (a flag, a variable, a key of a
    file), `reason` is one line for them."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    name: str
    type: Any  # a type expression, as is the next
    annotated_type: Any
    """The same with its bounds."""
    default: object
    meta: Meta

    @property
    def flag(self) -> str:
        """As on the command line, without `--no-`."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "GALOP_" + self.name.upper()

    @property
    def description(self) -> str:
        """A sentence or two."""
        return self.meta.description or ""

    @property
    def section(self) -> Section:
        """Which part of the documentation it is in."""
        section: Section = self._extra["section"]
        return section

    @property
    def is_secret(self) -> bool:
        """Never to be shown."""
        return bool(self._extra["is_secret"])

    @property
    def is_switch(self) -> bool:
        """On or off."""
        return self.type is bool

    @property
    def is_list(self) -> bool:
        """Can be given several times."""
        return get_origin(self.type) is tuple

    @property
    def is_whole_number(self) -> bool:
        """A count of something."""
        return int in (self.type, *get_args(self.type))

    @property
    def choices(self) -> tuple[str, ...]:
        """All allowed values, where they can be listed."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    @cached_property
    def metavar(self) -> str:
        """What stands for the value in help texts."""
        if self._extra["metavar"]:
            return str(self._extra["metavar"])
        return "|".join(self.choices) or ("N" if self.is_whole_number else "TEXT")

    @property
    def bounds(self) -> str:
        """The allowed range in words, empty where there is none."""
        low, high = self.meta.ge, self.meta.le
        if low is not None and high is not None:
            return f"{low} to {high}"
        return f"at least {low}" if low is not None else ""

    def parse_text(self, text: str, source: str) -> object:
        """The value of a flag or variable. Raises `SettingError`."""
        if self.is_list:
            return self.convert([part.strip() for part in text.split(",") if part.strip()], source)
        if self.is_switch:
            words = {"1": True, "true": True, "yes": True, "on": True}
            words |= {"0": False, "false": False, "no": False, "off": False}
            if text.lower() not in words:
                raise SettingError(source, f"{text!r} is neither true nor false")
            return words[text.lower()]
        return self._converted(text, source, is_strict=False)

    def convert(self, value: object, source: str) -> object:
        """The value of a key of galop.toml. Raises `SettingError`."""
        return self._converted(value, source, is_strict=True)

    def _converted(self, value: object, source: str, *, is_strict: bool) -> object:
        if isinstance(value, str) and not value.strip():
            # An empty address would be every address, an empty path the working directory.
            raise SettingError(source, "is empty")
        if self.choices and value not in self.choices:
            raise SettingError(source, f"{value!r} is not one of {', '.join(self.choices)}")
        try:
            return msgspec.convert(value, self.annotated_type, strict=is_strict, dec_hook=_path)
        except msgspec.ValidationError as error:
            reason = str(error).replace("`", "")
            if self.bounds:
                kind = "whole number" if self.is_whole_number else "number"
                reason = f"{value!r} is not a {kind}, {self.bounds}"
            raise SettingError(source, reason) from None

    @property
    def _extra(self) -> Mapping[str, Any]:  # Any: see `_option`
        return self.meta.extra or {}


def _path(kind: type, value: object) -> object:
    if kind is not Path or not isinstance(value, str):
        raise msgspec.ValidationError(f"Expected a path, got {value!r}")
    return Path(value)


def _rows() -> Sequence[Setting]:
    hints = get_type_hints(Settings, include_extras=True)
    rows = []
    for field in msgspec.structs.fields(Settings):
        hint = hints[field.name]
        # msgspec wants the bounds of an optional number on the number: Annotated[int, ...] | None
        is_optional_number = get_origin(hint) is not Annotated
        kind, meta = get_args(get_args(hint)[0] if is_optional_number else hint)
        kind = kind | None if is_optional_number else kind
        rows.append(Setting(field.name, kind, hint, field.default, meta))
    return rows


SETTINGS: Mapping[str, Setting] = {row.name: row for row in _rows()}
"""The table, by name."""
