"""TLS files that change under a running server."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import pytest
import trustme

from galop.serving.certificate import CertificateFiles, load_certificate

AUTHORITY = trustme.CA()


class Renewal:
    """A pair of files, a server's context that has loaded them, and who is served."""

    def __init__(self, directory: Path) -> None:
        self.cert, self.key = directory / "cert.pem", directory / "key.pem"
        self.write("first.example")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_certificate(self.context, self.cert, self.key)
        self.files = CertificateFiles(self.context, self.cert, self.key)

    def write(self, name: str, *, with_key: bool = True) -> None:
        issued = AUTHORITY.issue_cert(name)
        self.cert.write_bytes(issued.cert_chain_pems[0].bytes())
        if with_key:
            self.key.write_bytes(issued.private_key_pem.bytes())

    def serves(self, name: str) -> bool:
        """A TLS handshake with a client that expects `name` (RFC 8446), in memory."""
        trusting = ssl.create_default_context()
        AUTHORITY.configure_trust(trusting)
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = trusting.wrap_bio(to_client, to_server, server_hostname=name)
        server = self.context.wrap_bio(to_server, to_client, server_side=True)
        try:
            for _ in range(3):
                for side in (client, server):
                    try:
                        side.do_handshake()
                    except ssl.SSLWantReadError:
                        continue
        except ssl.SSLCertVerificationError:
            return False
        return client.getpeercert() is not None


@pytest.fixture
def renewal(tmp_path: Path) -> Renewal:
    return Renewal(tmp_path)


def test_new_files_are_served_at_the_next_look(renewal: Renewal) -> None:
    """And files that stay as they are change nothing."""
    renewal.files.reload_if_changed()
    assert renewal.serves("first.example")
    renewal.write("second.example")
    renewal.files.reload_if_changed()
    assert renewal.serves("second.example")
    assert not renewal.serves("first.example")


def test_half_a_pair_is_said_once_and_not_used(
    renewal: Renewal, caplog: pytest.LogCaptureFixture
) -> None:
    """The key of the new certificate is not there yet; the old pair is served on."""
    renewal.write("second.example", with_key=False)
    for _ in range(3):
        renewal.files.reload_if_changed()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert renewal.serves("first.example")
    renewal.write("third.example")
    renewal.files.reload_if_changed()
    assert renewal.serves("third.example")


def test_files_that_are_gone_change_nothing(
    renewal: Renewal, caplog: pytest.LogCaptureFixture
) -> None:
    """Until they are back."""
    renewal.key.unlink()
    renewal.files.reload_if_changed()
    renewal.files.reload_if_changed()
    assert "cannot be used" in caplog.text
    assert renewal.serves("first.example")
    renewal.write("second.example")
    renewal.files.reload_if_changed()
    assert renewal.serves("second.example")
