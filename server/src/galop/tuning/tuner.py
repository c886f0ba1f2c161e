"""Converts a model to several formats, measures them, chooses one and stores it."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from galop.backends.llama.library import llama
from galop.backends.llama.model import LlamaModel
from galop.tuning.choice import (
    DECODE_ROWS,
    DEFAULT_TOLERANCE,
    Candidate,
    Speed,
    choose,
    choose_threads,
    refusal_reason,
    round_orders,
)
from galop.tuning.convert import convert
from galop.tuning.formats import AS_SHIPPED, DEFAULT_FORMATS, FORMATS, WeightFormat
from galop.tuning.measure import MeasuredModel, tuning_tokens
from galop.tuning.store import (
    MeasuredFormat,
    TuningRecord,
    file_digest,
    host_description,
    save,
    tuning_key,
    work_directory,
)

DEFAULT_NUM_ROUNDS = 4
_MEMORY_SHARE = 0.8
"""Weights larger than this share of the machine's memory are not tried: each step would read them from disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningRequest:
    """What to try, and where to store the result."""

    source: Path
    """A GGUF file."""
    cache_directory: Path
    """Created if it does not exist."""
    num_threads: int
    """The most that compute a batch."""
    formats: Sequence[WeightFormat] = DEFAULT_FORMATS
    tolerance: float = DEFAULT_TOLERANCE
    """Added perplexity that is allowed: 0.01 is 1 %."""
    needs_determinism: bool = True
    """Whether a format must be deterministic (`choice.Candidate`) to be chosen."""
    num_rounds: int = DEFAULT_NUM_ROUNDS
    """At least 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningOutcome:
    """What was measured, chosen and stored."""

    shipped_format: str
    """The name of the format of the file as shipped."""
    candidates: Sequence[Candidate]
    """The file as shipped first."""
    chosen: Candidate
    refusals: dict[str, str]
    """Name to the reason why a format was not tried, or could not be chosen."""
    threads_by_rows: dict[int, int]
    """Rows of a batch to threads."""
    record_path: Path
    """The file with the result."""


ProgressCallback = Callable[[str, int, int], None]
"""Called with a description of the current step, the number of steps done, and their total."""


def tune(request: TuningRequest, report: ProgressCallback) -> TuningOutcome:
    """Find and store the fastest weight format on this machine; takes minutes. See `choice` for the rules.

    Raises `TuningError` or `galop.backends.llama.errors.ModelError`. Then, and when it is interrupted, it
    leaves no files, and an earlier result stays.
    """
    with work_directory(request.cache_directory) as work:
        return _Tuning(request, report, work).run()


@dataclass(slots=True)
class _Measurements:
    """A file to measure, and its measurements so far."""

    path: Path
    perplexity: float = 0.0
    is_deterministic: bool = False
    speeds: list[Speed] = field(default_factory=list)


class _Tuning:
    """The steps of one run, in order."""

    def __init__(self, request: TuningRequest, report: ProgressCallback, work: Path) -> None:
        self._request = request
        self._report = report
        self._work = work
        self._tokens: list[int] = []
        self._skipped: dict[str, str] = {}
        self._num_done = 0
        self._num_steps = 1

    def run(self) -> TuningOutcome:
        request = self._request
        self._tokens = tuning_tokens(request.source)
        shipped_format, formats, num_weights = self._candidates()
        self._num_steps = len(formats) + (len(formats) + 1) * (1 + request.num_rounds) + 1
        measured = self._convert(formats, num_weights)
        self._measure(measured)
        candidates = [_candidate(name, each) for name, each in measured.items()]
        chosen = choose(
            candidates,
            tolerance=request.tolerance,
            needs_determinism=request.needs_determinism,
        )
        self._step(f"threads for {chosen.name}")
        with self._open(measured[chosen.name].path) as opened:
            threads = choose_threads(opened.step_times_by_threads(request.num_rounds))
        record_path = self._save(candidates, chosen, measured[chosen.name].path, threads)
        self._report("done", self._num_steps, self._num_steps)
        return TuningOutcome(
            shipped_format=shipped_format,
            candidates=candidates,
            chosen=chosen,
            refusals=self._skipped | self._refusals(candidates),
            threads_by_rows=threads,
            record_path=record_path,
        )

    def _convert(
        self, formats: Sequence[WeightFormat], num_weights: int
    ) -> dict[str, _Measurements]:
        """Convert to each format. Returns the files by name, the file as shipped first."""
        request = self._request
        measured = {AS_SHIPPED: _Measurements(request.source)}
        for each in formats:
            self._step(f"converting to {each.name}")
            measured[each.name] = _Measurements(self._work / f"{each.name}.gguf")
            convert(
                request.source,
                measured[each.name].path,
                each,
                num_weights=num_weights,
                num_threads=request.num_threads,
            )
        return measured

    def _measure(self, measured: dict[str, _Measurements]) -> None:
        num_rounds = self._request.num_rounds
        for name, each in measured.items():
            self._step(f"perplexity of {name}")
            with self._open(each.path) as opened:
                each.perplexity = opened.perplexity()
                each.is_deterministic = opened.is_deterministic()
        for number, order in enumerate(round_orders(list(measured), num_rounds), 1):
            for name in order:
                self._step(f"speed of {name}, round {number} of {num_rounds}")
                with self._open(measured[name].path) as opened:
                    measured[name].speeds.append(opened.speed())

    def _open(self, path: Path) -> closing[MeasuredModel]:
        return closing(MeasuredModel(path, self._tokens, num_threads=self._request.num_threads))

    def _step(self, description: str) -> None:
        self._report(description, self._num_done, self._num_steps)
        self._num_done += 1

    def _candidates(self) -> tuple[str, list[WeightFormat], int]:
        """The name of the shipped format, the formats to convert to, the number of weights."""
        model = LlamaModel(self._request.source)
        num_weights = int(llama.llama_model_n_params(model.pointer))
        ftype = model.metadata("general.file_type")
        model.close()
        formats = []
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * _MEMORY_SHARE
        for each in dict.fromkeys(self._request.formats):
            if ftype == str(each.ftype):
                self._skipped[each.name] = "the file as shipped has it"
            elif each.most_bytes(num_weights) > memory:
                self._skipped[each.name] = "too large for the memory of this machine"
            else:
                formats.append(each)
        names = {str(each.ftype): each.name for each in FORMATS.values()} | {"3": "Q4_1"}
        return names.get(ftype or "", "another format"), formats, num_weights

    def _refusals(self, candidates: Sequence[Candidate]) -> dict[str, str]:
        request = self._request
        reasons = {
            each.name: refusal_reason(
                each,
                candidates[0],
                tolerance=request.tolerance,
                needs_determinism=request.needs_determinism,
            )
            for each in candidates
        }
        return {name: reason for name, reason in reasons.items() if reason is not None}

    def _save(
        self,
        candidates: Sequence[Candidate],
        chosen: Candidate,
        weights: Path,
        threads_by_rows: dict[int, int],
    ) -> Path:
        request = self._request
        host = host_description()
        is_converted = chosen.name != AS_SHIPPED
        record = TuningRecord(
            key=tuning_key(request.source, host),
            source_name=request.source.name,
            host=host,
            tuned_on=datetime.date.today().isoformat(),
            format=chosen.name,
            weights_digest=file_digest(weights) if is_converted else None,
            num_threads=request.num_threads,
            threads_by_rows=threads_by_rows,
            measured=[_measured_format(each, candidates[0]) for each in candidates],
        )
        directory = request.cache_directory
        return save(directory, self._work, record, weights if is_converted else None)


def _candidate(name: str, measured: _Measurements) -> Candidate:
    return Candidate(
        name=name,
        size_bytes=measured.path.stat().st_size,
        perplexity=measured.perplexity,
        is_deterministic=measured.is_deterministic,
        speeds=measured.speeds,
    )


def _measured_format(candidate: Candidate, shipped: Candidate) -> MeasuredFormat:
    return MeasuredFormat(
        format=candidate.name,
        size_bytes=candidate.size_bytes,
        score=round(candidate.score(shipped), 3),
        prefill=round(prefill_ratio(candidate, shipped), 3),
        decode={rows: round(decode_ratio(candidate, shipped, rows), 3) for rows in DECODE_ROWS},
        added_perplexity=round(candidate.added_perplexity(shipped), 5),
        is_deterministic=candidate.is_deterministic,
    )


def prefill_ratio(candidate: Candidate, shipped: Candidate) -> float:
    """Prompt tokens per second over those of the file as shipped."""
    return candidate.ratio(shipped, lambda speed: speed.prefill_s)


def decode_ratio(candidate: Candidate, shipped: Candidate, rows: int) -> float:
    """Tokens per second of a batch of `rows` rows over those of the file as shipped."""
    return candidate.ratio(shipped, lambda speed: speed.step_s[rows])
