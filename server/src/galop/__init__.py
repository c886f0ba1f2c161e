"""galop: a self-hosted chat completion server. See docs/architecture.md for the rooms."""

__version__ = "0.1.0"
