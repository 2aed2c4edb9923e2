"""The certificate that new connections get while its files change."""

import logging
import os
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from firstline.errors import CertificateUnusable
from firstline.serving.certificate import Certificate
from tests.certificates import trusting, write_certificate


def look(certificate: Certificate) -> None:
    """Look until what has changed is taken: files that still change are not read."""
    for _ in range(2):
        certificate.look()


def serial_of(certificate: Certificate, trusted: Path) -> str:
    """The serial number that a client sees, in hexadecimal; the handshake happens in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificate.context.wrap_bio(to_server, to_client, server_side=True)
    client = trusting(trusted).wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    for _ in range(3):
        for side in (client, server):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    found = client.getpeercert()
    assert found is not None
    return str(found["serialNumber"])


def test_renewed_files_are_taken(tmp_path: Path) -> None:
    files = write_certificate(tmp_path, serial=1)
    certificate = Certificate(*files)
    assert serial_of(certificate, files[0]) == "01"
    before = certificate.context
    certificate.look()
    assert certificate.context is before
    write_certificate(tmp_path, serial=2)
    look(certificate)
    assert serial_of(certificate, files[0]) == "02"


def test_a_pair_that_is_being_written_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = write_certificate(tmp_path, serial=1)
    key = files[1].read_bytes()
    certificate = Certificate(*files)
    write_certificate(tmp_path, serial=2)
    new_key = files[1].read_bytes()
    files[1].write_bytes(key)
    with caplog.at_level(logging.ERROR):
        certificate.look()
        files[1].write_bytes(new_key)
        look(certificate)
    assert caplog.records == []
    assert serial_of(certificate, files[0]) == "02"


def test_half_a_renewed_pair_leaves_the_old_one_in_use(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = write_certificate(tmp_path, serial=1)
    (tmp_path / "old.pem").write_bytes(files[0].read_bytes())
    key = files[1].read_bytes()
    certificate = Certificate(*files)
    write_certificate(tmp_path, serial=2)
    new_key = files[1].read_bytes()
    files[1].write_bytes(key)
    with caplog.at_level(logging.ERROR):
        look(certificate)
        look(certificate)
    assert len(caplog.records) == 1
    assert serial_of(certificate, tmp_path / "old.pem") == "01"
    files[1].write_bytes(new_key + b"\n")
    look(certificate)
    assert serial_of(certificate, files[0]) == "02"


def test_files_that_go_missing_leave_the_old_ones_in_use(tmp_path: Path) -> None:
    files = write_certificate(tmp_path)
    (tmp_path / "old.pem").write_bytes(files[0].read_bytes())
    certificate = Certificate(*files)
    files[0].unlink()
    look(certificate)
    assert serial_of(certificate, tmp_path / "old.pem") == "01"


def test_a_key_with_a_password_is_refused_and_not_asked_for(tmp_path: Path) -> None:
    files = write_certificate(tmp_path, password=b"secret")
    with pytest.raises(CertificateUnusable, match="are not a certificate and its key"):
        Certificate(*files)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CertificateUnusable, match="cannot be read: No such file"):
        Certificate(tmp_path / "cert.pem", tmp_path / "key.pem")


@pytest.mark.parametrize("name", ["cert.pem", "key.pem"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    files = write_certificate(tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(CertificateUnusable, match="cannot be read: it is not a file"):
        Certificate(*files)


def test_old_versions_of_tls_are_not_spoken(tmp_path: Path) -> None:
    assert Certificate(*write_certificate(tmp_path)).context.minimum_version == ssl.TLSVersion.TLSv1_2
