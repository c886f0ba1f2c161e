"""Makes the table of metrics in docs/operations.md, between its two marks.

Run `make docs` after changing `galop.telemetry`; a test compares.
"""

from __future__ import annotations

from pathlib import Path

from galop.telemetry import EngineState, Metrics
from galop.telemetry.aliases import VLLM_NAMES

PAGE = Path(__file__).parent.parent / "docs" / "operations.md"
BEGIN, END = "<!-- metrics -->\n", "<!-- /metrics -->"

_NOTES = {
    "vllm:prefix_cache_queries": "all prompt tokens count as asked for",
    "vllm:request_max_num_generation_tokens": "of all choices together, not of the longest",
    "vllm:request_success": "`finished_reason`; `cancelled` is `abort`",
    "vllm:num_requests_running": "choices, not requests: they differ where `n` is above 1",
    "vllm:num_requests_waiting": "likewise",
}


def table() -> str:
    """Every metric of our own, its kind, its meaning, and vLLM's names for it."""
    rows = ["| metric | kind | what it is | vLLM's name |", "|---|---|---|---|"]
    metrics = Metrics(EngineState, model_name="m", version="1")
    labels = {"galop_info": "model, version", "galop_kv_cache_tokens": "state"}
    labels |= {"galop_choices_finished": "finish_reason", "galop_http_responses": "status"}
    labels |= dict.fromkeys(("galop_rejections", "galop_failures"), "reason")
    for family in metrics.registry.collect():
        if not family.name.startswith("galop_") or "_process_" in family.name:
            continue
        suffix = "_total" if family.type == "counter" else ""
        name = f"`{family.name}{suffix}`"
        if family.name in labels:
            name += f" by {labels[family.name]}"
        theirs = [
            f"`{alias}{suffix}`" + (f" ({_NOTES[alias]})" if alias in _NOTES else "")
            for alias in VLLM_NAMES.get(family.name, ())
        ]
        rows.append(f"| {name} | {family.type} | {family.documentation} | {', '.join(theirs)} |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """The page with its table made anew."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + table() + END + tail
