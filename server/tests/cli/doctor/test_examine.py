"""One run of all checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from server.tests.cli.doctor.conftest import Examined


@pytest.mark.model
def test_nothing_keeps_the_scripted_model_from_being_served(examined: Examined) -> None:
    """No problem where there is none."""
    found = examined()
    subjects = {"versions", "cores", "settings", "model", "keys", "address", "open files", "cache"}
    assert subjects <= set(found)
    assert not [finding for finding in found.values() if finding.verdict == "problem"]
    assert "starlette" in found["versions"].text


def test_a_problem_does_not_hide_what_comes_after_it(examined: Examined) -> None:
    """One run shows everything."""
    found = examined(tls_cert="/no/cert.pem", alias=["a=b"])
    assert found["settings"].verdict == "problem"
    assert found["model"].verdict == "problem"
    assert "not served here" in found["model"].text
    assert found["address"].verdict == "ok"
