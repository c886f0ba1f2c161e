"""Settings that need files, each other, or a machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from galop.cli.checks import check_settings
from galop.config.settings import SettingError
from galop.config.sources import configure
from galop.host import available_cores


def error_of(**flags: object) -> str:
    with pytest.raises(SettingError) as caught:
        check_settings(configure(flags, {}))
    return str(caught.value)


def test_settings_that_fit_raise_nothing(tmp_path: Path) -> None:
    """A certificate with its key, origins, as many threads as cores."""
    issued = trustme.CA().issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    flags = {
        "tls_cert": str(tmp_path / "cert.pem"),
        "tls_key": str(tmp_path / "key.pem"),
        "cors_origin": ["*", "https://example.com", "http://localhost:3000"],
        "threads": str(available_cores()),
    }
    check_settings(configure(flags, {}))
    check_settings(configure({}, {}))


def test_a_certificate_needs_its_key_and_the_key_its_certificate() -> None:
    """The one that is missing is named."""
    assert error_of(tls_cert="/c.pem") == "--tls-key: is needed beside --tls-cert"
    assert error_of(tls_key="/k.pem") == "--tls-cert: is needed beside --tls-key"


def test_files_of_tls_must_be_readable_and_belong_together(tmp_path: Path) -> None:
    """A renewal half done is found before the server starts."""
    assert "cannot read /no/cert.pem" in error_of(tls_cert="/no/cert.pem", tls_key="/no/key.pem")
    authority = trustme.CA()
    one, other = authority.issue_cert("a.example"), authority.issue_cert("b.example")
    one.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    other.private_key_pem.write_to_path(tmp_path / "key.pem")
    files = {"tls_cert": str(tmp_path / "cert.pem"), "tls_key": str(tmp_path / "key.pem")}
    assert "belong together" in error_of(**files)


@pytest.mark.parametrize(
    "origin", ["example.com", "ftp://example.com", "https://example.com/path", "https://"]
)
def test_an_origin_is_a_scheme_and_a_host(origin: str) -> None:
    """A path would never match what browsers send."""
    assert "--cors-origin" in error_of(cors_origin=[origin])


def test_an_endpoint_of_traces_is_a_url() -> None:
    """Host and port alone are not enough."""
    assert "is no URL such as" in error_of(otlp_endpoint="127.0.0.1:4318")


def test_more_threads_than_cores_are_refused() -> None:
    """Threads of a step wait for each other."""
    too_many = available_cores() + 1
    assert f"{too_many} threads are too many" in error_of(threads=str(too_many))
