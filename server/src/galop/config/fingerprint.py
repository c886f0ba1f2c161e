"""The `system_fingerprint` of a served model."""

from __future__ import annotations

import hashlib

from galop import __version__
from galop.config.models import ServedModel
from galop.config.settings import Settings


def fingerprint(settings: Settings, model: ServedModel) -> str:
    """`fp_` and 10 hexadecimal digits; depends on version, model, context window, weights and kernels."""
    parts = [__version__, model.source, str(settings.context_window)]
    if not model.is_scripted:
        from galop.backends.llama.library import kernels

        parts += [str(model.path.stat().st_size), f"own kernels: {kernels.is_active}"]
    if model.tuned is not None and model.tuned.path is not None:
        parts.append(model.tuned.digest)
    return "fp_" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]
