"""Which kernels this CPU gets."""

from __future__ import annotations

import pytest

from galop.cli.doctor import kernels


@pytest.mark.model
def test_the_compiled_features_come_first() -> None:
    """Then galop's own kernels. Slow ones are warnings, never problems."""
    first, second, *_ = findings = list(kernels.check())
    assert first.text.startswith("compiled for ")
    assert second.text.startswith("galop's own ")
    assert {finding.verdict for finding in findings} <= {"ok", "warning"}


def test_features_that_were_not_compiled_in_have_llama_cpps_names() -> None:
    """Features that no kernel uses do not count."""
    cpu = {"avx2", "fma", "avx512_vnni", "fpu"}
    assert kernels.unused_features(cpu, {"AVX2", "NEON"}) == ["FMA", "AVX512_VNNI"]
    assert kernels.unused_features(cpu, {"AVX2", "FMA", "AVX512_VNNI"}) == []
