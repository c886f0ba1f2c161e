"""The server's TLS certificate, reloaded while the server runs when its files change.

New connections get the new certificate; open ones keep theirs.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

logger = logging.getLogger("galop.serving")

_Version = tuple[tuple[int, int], ...]


def load_certificate(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    """Loads the PEM files into `context`.

    Raises OSError if a file cannot be read, ssl.SSLError or ValueError if they are no matching pair of
    certificate and unencrypted private key.
    """
    # Without a password, OpenSSL would ask for one on the terminal if the key is encrypted.
    context.load_cert_chain(cert, key, password="")


class CertificateFiles:
    """Two PEM files and the TLS context that uses them. `reload_if_changed` is to be polled."""

    def __init__(self, context: ssl.SSLContext, cert: Path, key: Path) -> None:
        self._context = context
        self._paths = cert, key
        self._version = self._current()

    def reload_if_changed(self) -> None:
        """Loads the files again if they have changed. Unusable files are logged once and not used."""
        version = self._current()
        if version == self._version:
            return
        self._version = version
        try:
            # A new context first: a failed load could leave the served one with half of the pair.
            load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *self._paths)
            load_certificate(self._context, *self._paths)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            logger.warning("the TLS files have changed and cannot be used: %s", error)
        else:
            logger.info("the TLS certificate was renewed from %s", self._paths[0])

    def _current(self) -> _Version | None:
        """None if a file is missing. Follows links: Kubernetes renews a secret by changing a link."""
        try:
            stats = [path.stat() for path in self._paths]
        except OSError:
            return None
        return tuple((stat.st_ino, stat.st_mtime_ns) for stat in stats)
