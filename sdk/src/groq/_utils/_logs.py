"""Where the published client keeps its logging switch."""

from .._logging import configure_from_environment as setup_logging

__all__ = ["setup_logging"]
