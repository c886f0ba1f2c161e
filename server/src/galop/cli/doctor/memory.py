"""Whether weights and KV cache fit into the memory."""

from __future__ import annotations

from galop.cli.doctor.finding import Finding, Verdict, size_text


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
        text = f"{size_text(weights_bytes)} of weights; the rest cannot be told"
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
