"""The certificate for TLS, renewed without a restart."""

import logging
import ssl
from pathlib import Path

from firstline.errors import CertificateUnusable
from firstline.files import read_small
from firstline.serving.looking import stamp

_log = logging.getLogger("firstline.serving")
_MOST_BYTES = 1_000_000
Signature = tuple[tuple[int, ...], ...]


class Certificate:
    """A certificate with its chain and its private key, both PEM files without a password.

    `context` serves new connections; it is replaced once the files have changed. Raises `CertificateUnusable` if they
    cannot be used at the start; later, the ones read before stay in use.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._seen = self._loaded = self._signature()
        self.context = self._load()

    def look(self) -> None:
        """Read the files again if they have changed, once they are as they were at the last look.

        The certificate and its key are two files, and between the writing of the two they do not fit.
        """
        before, self._seen = self._seen, self._signature()
        if self._seen != before or self._seen == self._loaded:
            return
        self._loaded = self._seen
        try:
            self.context = self._load()
        except CertificateUnusable as error:
            _log.error("The certificate read before stays in use: %s", error.message)
        else:
            _log.info("New connections get the certificate that is in %s now.", self._files[0])

    def _load(self) -> ssl.SSLContext:
        """A new context: an old one would keep half of a pair if the other half does not fit."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            for file in self._files:
                # OpenSSL would wait for the other end of a pipe.
                read_small(file, _MOST_BYTES)
            # Without the argument, OpenSSL would ask for a password at the terminal.
            context.load_cert_chain(*self._files, password="")
        except ssl.SSLError as error:
            raise CertificateUnusable(
                f"{self._files[0]} and {self._files[1]} are not a certificate and its key: {_reason(error)}.",
                "Both are PEM files; the key belongs to the certificate and has no password.",
            ) from None
        except OSError as error:
            raise CertificateUnusable(
                f"{self._files[0]} or {self._files[1]} cannot be read: {error.strerror}.",
                "See serving.tls_certificate and serving.tls_key in docs/settings.md, and the mode of the files.",
            ) from None
        return context

    def _signature(self) -> Signature:
        """What a change of the files changes."""
        return tuple(stamp(file) for file in self._files)


def _reason(error: ssl.SSLError) -> str:
    """`KEY_VALUES_MISMATCH` as `key values mismatch`."""
    return error.reason.replace("_", " ").lower() if error.reason else "OpenSSL cannot read them"
