"""A consortium's own certificate authority, and the server's certificate under it, as files."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hansa.core.errors import FolderError

AUTHORITY, SERVER = "authority.pem", "server.pem"
_EARLY = timedelta(days=1)  # clocks that are a day behind still take a new certificate
_FORMAT = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def key_file(certificate: Path) -> Path:
    """Return where the key of a certificate lies, readable to its owner alone."""
    return certificate.with_suffix(".key")


def make_authority(folder: Path, now: datetime, days: int = 3650) -> Path:
    """Make an authority in a folder; return its certificate's file, which every party gets."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Hansa authority")
    whole = x509.BasicConstraints(ca=True, path_length=0)
    draft = _draft(name, name, key.public_key(), now, days).add_extension(whole, critical=True)
    draft = draft.add_extension(_usage(authority=True), critical=True)
    return _written(folder / AUTHORITY, draft.sign(key, hashes.SHA256()), key)


def make_server_certificate(folder: Path, hosts: Sequence[str], now: datetime, days: int = 365) -> Path:
    """Make a server's certificate under the authority in the folder; return its file.

    hosts: names and addresses by which parties reach it. An old one in the folder is replaced.
    """
    path = folder / AUTHORITY
    check_dates(path, now)
    authority, signer = _certificate(path), _key(key_file(path))
    key = ec.generate_private_key(ec.SECP256R1())
    draft = _draft(_name(hosts[0]), authority.subject, key.public_key(), now, days)
    draft = draft.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    draft = draft.add_extension(_usage(authority=False), critical=True)
    draft = draft.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    draft = draft.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return _written(
        folder / SERVER, draft.add_extension(issuer, critical=False).sign(signer, hashes.SHA256()), key
    )


def certificate_text(path: Path) -> str:
    """Return a certificate as PEM, and nothing else that the file may hold, such as a key."""
    return _certificate(path).public_bytes(Encoding.PEM).decode("ascii")


def names_of(path: Path) -> tuple[str, ...]:
    """Return the names and addresses by which parties reach the server of a certificate."""
    names = _certificate(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(str(name.value) for name in names)


def check_dates(path: Path, now: datetime) -> datetime:
    """Return when a certificate ends. Raises FolderError where that was, or before it begins."""
    found = _certificate(path)
    begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    if now > ends:
        raise FolderError(
            f"the certificate ended on {ends:%Y-%m-%d}", do="make a new one in its place", where=str(path)
        )
    if now < begins:
        raise FolderError(
            f"the certificate begins on {begins:%Y-%m-%d}, and this clock says {now:%Y-%m-%d}",
            do="set the clock",
            where=str(path),
        )
    return ends


def write_secret(path: Path, content: bytes) -> None:
    """Write a file whole that only its owner can read. Raises FolderError when the disk refuses."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as fault:
        raise FolderError(
            f"cannot be written ({fault.strerror})", do="choose another folder or free space", where=str(path)
        ) from fault


def _draft(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    draft = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
    draft = draft.serial_number(x509.random_serial_number())
    draft = draft.not_valid_before(now - _EARLY).not_valid_after(now + timedelta(days=days))
    return draft.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _written(path: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Path:
    write_secret(key_file(path), key.private_bytes(*_FORMAT))
    write_secret(path, certificate.public_bytes(Encoding.PEM))
    path.chmod(0o644)
    return path


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as fault:
        raise FolderError("is no certificate", do="make one first", where=str(path)) from fault


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        found = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as fault:
        raise FolderError("is no key", do="restore it or make a new authority", where=str(path)) from fault
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise FolderError("is a key of another kind", do="make a new authority", where=str(path))
    return found


def _name(words: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
