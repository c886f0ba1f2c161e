"""Writes every page and file that is made from the code: `make docs`."""

from __future__ import annotations

from pathlib import Path

from scripts import (
    make_api_docs,
    make_architecture_docs,
    make_config_docs,
    make_metrics_docs,
    make_structured_docs,
)

ROOT = Path(__file__).parent.parent


def pages() -> dict[Path, str]:
    """Each file, and what has to be in it."""
    return {
        make_api_docs.PAGE: make_api_docs.page(),
        make_architecture_docs.PAGE: make_architecture_docs.page(),
        make_config_docs.PAGE: make_config_docs.page(),
        make_config_docs.EXAMPLE: make_config_docs.example(),
        make_metrics_docs.PAGE: make_metrics_docs.page(),
        make_structured_docs.PAGE: make_structured_docs.page(),
    }


def main() -> None:
    """Write those that are stale."""
    for path, text in pages().items():
        if path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
