"""The server's TLS certificate, renewed while it runs: whoever replaces the files need not restart it.

Connections that are open keep what they began with; new ones get the new certificate.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

logger = logging.getLogger("galop.app")

_Version = tuple[tuple[int, int], ...]


def load_certificate(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    """Raises OSError where a file cannot be read, ssl.SSLError or ValueError where they are no certificate
    and unencrypted private key that belong together."""
    # An empty password, or an encrypted key would ask for one on the terminal.
    context.load_cert_chain(cert, key, password="")


class CertificateFiles:
    """Two PEM files, and the context that serves them. Call `look` now and then."""

    def __init__(self, context: ssl.SSLContext, cert: Path, key: Path) -> None:
        self._context = context
        self._paths = cert, key
        self._version = self._current()

    def look(self) -> None:
        """Load the files again if they have changed. What cannot be used is logged once, and the
        certificate that is there is served on."""
        version = self._current()
        if version == self._version:
            return
        self._version = version
        try:
            # Tried elsewhere first: half of a new pair would be half in use.
            load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *self._paths)
            load_certificate(self._context, *self._paths)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            logger.warning("the TLS files have changed and cannot be used: %s", error)
        else:
            logger.info("the TLS certificate was renewed from %s", self._paths[0])

    def _current(self) -> _Version | None:
        """Links are followed: a renewed Kubernetes secret is another target of the same link."""
        try:
            stats = [path.stat() for path in self._paths]
        except OSError:
            return None
        return tuple((stat.st_ino, stat.st_mtime_ns) for stat in stats)
