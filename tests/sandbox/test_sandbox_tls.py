"""TLS with an authority of this run: trusted when named, for loopback's names only."""

from __future__ import annotations

import ssl
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from requests.adapters import HTTPAdapter
from sandbox.plain_face import Served, served_face

from fairlead.clock import SystemClock
from fairlead.sandbox.authority import make_authority


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Served]]:
    folder = tmp_path_factory.mktemp("tls")
    ca, files = make_authority(folder, SystemClock().now())
    with served_face(files) as served:
        yield ca, served


class NamedAs(HTTPAdapter):
    """Reaches the server as before, but demands a certificate for another name."""

    def init_poolmanager(self, *args: object, **kwargs: object) -> None:
        super().init_poolmanager(*args, assert_hostname="evil.example", **kwargs)  # type: ignore[arg-type]


def test_the_authority_makes_loopback_trusted(
    http: requests.Session, secure: tuple[Path, Served]
) -> None:
    ca, served = secure
    assert served.url.startswith("https://127.0.0.1:")
    assert http.get(f"{served.url}/rows/a", verify=str(ca), timeout=10).status_code == 404
    by_name = served.url.replace("127.0.0.1", "localhost")
    assert http.get(f"{by_name}/rows/a", verify=str(ca), timeout=10).status_code == 404


def test_without_the_authority_it_is_not_trusted(
    http: requests.Session, secure: tuple[Path, Served]
) -> None:
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        http.get(f"{secure[1].url}/rows/a", timeout=10)


def test_another_runs_authority_is_not_trusted(
    http: requests.Session, secure: tuple[Path, Served], tmp_path: Path
) -> None:
    other, _ = make_authority(tmp_path, SystemClock().now())
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        http.get(f"{secure[1].url}/rows/a", verify=str(other), timeout=10)


def test_the_certificate_is_for_loopback_and_no_other_name(
    http: requests.Session, secure: tuple[Path, Served]
) -> None:
    ca, served = secure
    http.mount("https://", NamedAs())
    with pytest.raises(requests.exceptions.SSLError, match=r"evil\.example"):
        http.get(f"{served.url}/rows/a", verify=str(ca), timeout=10)


def test_plain_http_gets_no_answer_there(
    http: requests.Session, secure: tuple[Path, Served]
) -> None:
    with pytest.raises(requests.ConnectionError):
        http.get(secure[1].url.replace("https", "http") + "/rows/a", timeout=10)


def test_what_is_left_on_disk(tmp_path: Path) -> None:
    """One private key, the server's, that only its owner reads; the authority's is thrown away."""
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    ca, files = make_authority(tmp_path, now)
    keys = [p for p in tmp_path.iterdir() if "PRIVATE KEY" in p.read_text("ascii")]
    assert keys == [Path(files.key)]
    assert stat.S_IMODE(Path(files.key).stat().st_mode) == 0o600
    authority = x509.load_pem_x509_certificate(ca.read_bytes())
    leaf = x509.load_pem_x509_certificate(Path(files.certificate).read_bytes())
    leaf.verify_directly_issued_by(authority)
    assert authority.not_valid_before_utc == now - timedelta(days=1)
    assert leaf.not_valid_after_utc == now + timedelta(days=30)
    ssl.create_default_context(cafile=str(ca)).load_cert_chain(files.certificate, files.key)
