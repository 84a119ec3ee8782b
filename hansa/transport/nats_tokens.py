"""What lets a user into a NATS server: JSON web tokens signed by its account, whose key its operator signed.

A party's own Ed25519 key is its key on the server as well, so that no secret is shared and the server's
configuration names no party. Sources: NATS ADR-14 (JWT library-free), github.com/nats-io/jwt version 2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hansa.core.errors import MessageError
from hansa.crypto.signing import SigningKey
from hansa.transport.subjects import Rights

OPERATOR, ACCOUNT, USER = "O", "A", "U"
_PREFIXES = {OPERATOR: 14 << 3, ACCOUNT: 0, USER: 20 << 3}
_NONCE = re.compile(r"[A-Za-z0-9+/_=-]{8,100}")
_FREE = -1  # no limit
_ALWAYS = datetime.fromtimestamp(0, UTC)  # of the operator's token: servers at work take no other one's list
_SUBSCRIPTIONS = 64  # of one user; a party needs 2, and one more while it reads


@dataclass(frozen=True, slots=True)
class Trust:
    """What a server must know to tell our users from strangers."""

    operator: str  # its token
    accounts: Mapping[str, str]  # account: its token
    system: str  # the account of the server's own events, which nobody has a key for


def nkey(kind: str, public: bytes) -> str:
    """Return a public key as NATS writes it: base32 of a prefix, the key and a checksum (CRC-16)."""
    body = bytes([_PREFIXES[kind]]) + public
    return base64.b32encode(body + binascii.crc_hqx(body, 0).to_bytes(2, "little")).decode().rstrip("=")


def trust(
    operator: SigningKey,
    account: SigningKey,
    system: bytes,
    now: datetime,
    revoked: Mapping[bytes, datetime] | None = None,
) -> Trust:
    """Return what a server must know; system: the public key of an account for nobody.

    revoked: public keys of users, and until when their tokens were issued that count no more.
    """
    ours, servers = nkey(ACCOUNT, account.public), nkey(ACCOUNT, system)
    gone = {nkey(USER, public): _seconds(until) for public, until in (revoked or {}).items()}
    tokens = {
        ours: _account_token(operator, ours, "hansa", gone, now),
        servers: _account_token(operator, servers, "system", {}, now),
    }
    own = nkey(OPERATOR, operator.public)
    claims = {
        "name": "hansa",
        "sub": own,
        "nats": {"type": "operator", "version": 2, "system_account": servers},
    }
    return Trust(_signed(operator, OPERATOR, claims, _ALWAYS), tokens, servers)


def user_token(
    account: SigningKey, user: bytes, rights: Rights, now: datetime, ends: datetime | None = None
) -> str:
    """Return what lets the owner of a key in; user: its public key. ends: after which it does no more."""
    allowed = {
        "pub": {"allow": list(rights.publish)},
        "sub": {"allow": list(rights.subscribe)},
        "subs": _SUBSCRIPTIONS,
        "data": _FREE,
        "payload": _FREE,
        "type": "user",
        "version": 2,
    }
    claims: dict[str, Any] = {"name": user.hex()[:16], "sub": nkey(USER, user), "nats": allowed}
    if ends is not None:
        claims["exp"] = _seconds(ends)
    return _signed(account, ACCOUNT, claims, now)


def nonce_signature(key: SigningKey, nonce: str) -> bytes:
    """Return the proof that a key is ours, for the server's nonce, in base64.

    The nonce must look like one: a server that chose it freely could have us sign a message of its own.
    """
    if not _NONCE.fullmatch(nonce):
        raise MessageError("a nonce that no server sends", do="do not trust this server", where="nats")
    return base64.b64encode(Ed25519PrivateKey.from_private_bytes(key.secret).sign(nonce.encode()))


def _account_token(
    operator: SigningKey, account: str, name: str, revoked: Mapping[str, int], now: datetime
) -> str:
    free = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), _FREE)
    stored = {"mem_storage": 0, "disk_storage": _FREE, "streams": _FREE, "consumer": _FREE}
    limits = free | {"wildcards": True} | (stored if name == "hansa" else {})
    rules: dict[str, Any] = {"limits": limits, "default_permissions": {"pub": {}, "sub": {}}}
    rules |= {"type": "account", "version": 2}
    if revoked:
        rules["revocations"] = dict(revoked)
    return _signed(operator, OPERATOR, {"name": name, "sub": account, "nats": rules}, now)


def _signed(issuer: SigningKey, kind: str, claims: Mapping[str, Any], now: datetime) -> str:
    """Return a token: header, claims with their own digest, and the issuer's signature over both."""
    whole = dict(claims) | {"iat": _seconds(now), "iss": nkey(kind, issuer.public)}
    whole["jti"] = hashlib.sha256(_json(whole)).hexdigest()
    said = _base64(_json({"typ": "JWT", "alg": "ed25519-nkey"})) + "." + _base64(_json(whole))
    signature = Ed25519PrivateKey.from_private_bytes(issuer.secret).sign(said.encode())
    return said + "." + _base64(signature)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _seconds(when: datetime) -> int:
    return int(when.timestamp())
