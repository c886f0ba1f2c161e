"""What `make test-fast` says about itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COLLECT_WITHOUT_ENGINE = """
import importlib.util, sys
import pytest
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "llama_cpp" else find_spec(name, *rest)
sys.path.insert(0, "")
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


@pytest.mark.slow
def test_the_modules_that_need_the_engine_are_listed() -> None:
    """Without llama-cpp-python all others can be imported: add yours to FAST in the Makefile."""
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    listed = re.search(r"^FAST := .*--ignore=,(.*?)\)$", makefile, re.MULTILINE)
    assert listed is not None
    ignored = [f"--ignore={path}" for path in listed[1].split()]
    command = [sys.executable, "-c", COLLECT_WITHOUT_ENGINE, *ignored]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-2000:]
