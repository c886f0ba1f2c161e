"""docs/operations.md, docs/threat-model.md and SECURITY.md speak of what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from galop.config.settings import SETTINGS

ROOT = Path(__file__).parents[1]
PAGES = ("docs/operations.md", "docs/threat-model.md", "SECURITY.md")


def test_every_file_of_the_threat_model_exists() -> None:
    """An answer to a threat that is not there is no answer."""
    text = (ROOT / "docs" / "threat-model.md").read_text()
    paths = re.findall(r"`((?:[\w-]+/)*[\w-]+(?:\.py|\.txt|/))`", text)
    assert len(paths) > 10
    for path in paths:
        assert (ROOT / path).exists() or (ROOT / "server" / "src" / "galop" / path).exists(), path


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    """Relative to the page it is on."""
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text()):
        assert ((ROOT / page).parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_every_flag_is_one(page: str) -> None:
    """The options that the pages name are settings."""
    known = {setting.flag for setting in SETTINGS.values()} | {"--no-metrics"}
    of_other_programs = "--build-arg --now --constraint --no-deps --pipe --wait --quiet --rm"
    known |= set(of_other_programs.split())
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]+", (ROOT / page).read_text())) <= known
