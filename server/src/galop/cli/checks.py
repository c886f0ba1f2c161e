"""Checks of settings beyond their types: files that must exist, settings that depend on each other,
limits of the machine.

They run before the engine process starts, so they import what only some settings need inside functions.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from urllib.parse import urlsplit

from galop.config.settings import SettingError
from galop.config.sources import Configuration
from galop.host import available_cores


def check_settings(configuration: Configuration) -> None:
    """Raises `SettingError` for the first setting that cannot work."""
    _check_tls(configuration)
    _check_origins(configuration)
    _check_traces(configuration)
    _check_threads(configuration)


def _check_tls(configuration: Configuration) -> None:
    cert, key = configuration.settings.tls_cert, configuration.settings.tls_key
    if cert is None and key is None:
        return
    if cert is None or key is None:
        missing, given = ("tls_cert", "tls_key") if cert is None else ("tls_key", "tls_cert")
        reason = f"is needed beside {configuration.source_of(given)}"
        raise SettingError(configuration.source_of(missing), reason)
    for name, path in (("tls_cert", cert), ("tls_key", key)):
        try:
            path.read_bytes()
        except OSError as error:
            reason = f"cannot read {path}: {error.strerror}"
            raise SettingError(configuration.source_of(name), reason) from None
    _check_certificate(configuration, cert, key)


def _check_certificate(configuration: Configuration, cert: Path, key: Path) -> None:
    import ssl

    from galop.serving.certificate import load_certificate

    try:
        load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), cert, key)
    except (ssl.SSLError, ValueError) as error:
        reason = (
            f"{cert} and {key} are no certificate and unencrypted private key that belong together: "
            f"{error}"
        )
        raise SettingError(configuration.source_of("tls_cert"), reason) from None


def _check_origins(configuration: Configuration) -> None:
    for origin in configuration.settings.cors_origin:
        parts = urlsplit(origin)
        is_origin = (
            parts.scheme in ("http", "https") and origin == f"{parts.scheme}://{parts.netloc}"
        )
        if origin != "*" and not (is_origin and parts.netloc):
            reason = f"{origin!r} is neither '*' nor an origin such as https://example.com"
            raise SettingError(configuration.source_of("cors_origin"), reason)


def _check_traces(configuration: Configuration) -> None:
    endpoint = configuration.settings.otlp_endpoint
    if endpoint is None:
        return
    source = configuration.source_of("otlp_endpoint")
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingError(source, f"{endpoint!r} is no URL such as http://127.0.0.1:4318")
    if not has_opentelemetry():
        raise SettingError(source, "traces need an extra: pip install 'galop[otel]'")


def _check_threads(configuration: Configuration) -> None:
    """More threads than cores are slower: the threads of a step wait for each other."""
    threads, cores = configuration.settings.threads, available_cores()
    if threads is not None and threads > cores:
        plural = "s" if cores > 1 else ""
        reason = f"{threads} threads are too many for the {cores} core{plural} that galop may use"
        raise SettingError(configuration.source_of("threads"), reason)


def has_opentelemetry() -> bool:
    """Whether the packages of the extra `galop[otel]` are installed."""
    names = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
    try:
        return all(importlib.util.find_spec(name) is not None for name in names)
    except ModuleNotFoundError:  # a parent package is missing
        return False
