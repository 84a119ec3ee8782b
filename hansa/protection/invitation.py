"""What the operator sends a member so that it can join: one signed text, and nothing in it is secret.

Who takes it from the mail can neither change it nor use it: the server lets in who has the member's private
key. That it is this coordinator's is for people to find out, who compare fingerprints.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import asdict, dataclass

from hansa.core.charter_choices import PARTY_NAME
from hansa.core.errors import MessageError, RefusedError
from hansa.crypto.identities import fingerprint
from hansa.crypto.signing import KEY_BYTES, SigningKey
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.signed_records import body_of, checked, fields, garbled, list_of, signed

MOST_BYTES = 1 << 22  # of the record; a charter with 10,000 parties is the largest part
_MOST_TEXT = 3 * MOST_BYTES // 2  # base64 with its line ends, and what a mail program adds
_MOST_URLS, _MOST_SERVERS, _MOST_SHORT, _MOST_LONG = 16, 3, 512, 1 << 16
_PURPOSE = "invitation"
_FIELDS = {
    "consortium": str,
    "run": str,
    "urls": list,
    "authority": str,
    "coordinator": bytes,
    "party": str,
    "key": bytes,
    "token": str,
    "charter": str,
    "servers": list,
}
_FIRST, _LAST = "-----BEGIN HANSA INVITATION-----", "-----END HANSA INVITATION-----"
_COLUMNS = 64
_RUN = re.compile(r"[0-9a-f]{8,64}")
_URL = re.compile(r"(tls|wss)://[^\s/@]+")  # always encrypted, and no password in it
_CERTIFICATES = re.compile(
    r"(-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?)*"
)  # and no key


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a member needs to find its coordinator, and to know what it is asked to sign, and with whom."""

    consortium: str
    run: str
    urls: tuple[str, ...]  # of the servers
    authority: str  # the certificate in PEM that the servers' are under; empty: one that every machine trusts
    coordinator: bytes  # (32,), its public key
    party: str
    key: bytes  # (32,), the party's public key, which it is for
    token: str  # with the party's private key, lets it in
    charter: str  # its TOML text
    servers: tuple[tuple[str, bytes], ...] = ()  # name and public key of each server beside the coordinator


def armoured(invitation: Invitation, coordinator: SigningKey) -> str:
    """Return an invitation as text to send; coordinator: the key that it names."""
    servers = [[name, key] for name, key in invitation.servers]
    lists = {"urls": list(invitation.urls), "servers": servers}
    data = signed(asdict(invitation) | lists, coordinator, _PURPOSE)
    text = base64.b64encode(data).decode()
    lines = [text[first : first + _COLUMNS] for first in range(0, len(text), _COLUMNS)]
    return "\n".join([_FIRST, *lines, _LAST]) + "\n"


def read_invitation(text: str) -> Invitation:
    """Return the invitation of a text, signed by the key that it names; raises MessageError for what is none.

    Whether that key is the coordinator's, people compare; whether it is for this party, `check_own` says.
    """
    data = _unarmoured(text)
    inner, _ = body_of(data, MOST_BYTES, COORDINATOR)
    named = fields(inner, _FIELDS, COORDINATOR)["coordinator"]
    found = fields(checked(data, MOST_BYTES, named, _PURPOSE, COORDINATOR), _FIELDS, COORDINATOR)
    urls = tuple(list_of(found["urls"], str, COORDINATOR, "urls"))
    servers = tuple(_server(one) for one in found["servers"])
    invitation = Invitation(**found | {"urls": urls, "servers": servers})
    _check(invitation)
    return invitation


def is_armoured(text: str) -> bool:
    """Return whether a text has an invitation's first line and its last."""
    return text.strip().startswith(_FIRST) and text.strip().endswith(_LAST)


def check_own(invitation: Invitation, party: str, key: bytes, where: str = "invitation") -> None:
    """Pass if an invitation is for this party and its public key; else raise RefusedError.

    where: the file that it came in.
    """
    if invitation.party != party:
        raise RefusedError(
            f"invites {invitation.party}, and this is {party}",
            do="ask the operator for your own invitation",
            where=where,
        )
    if invitation.key != key:
        raise RefusedError(
            f"is for another key of {party} than its folder has (fingerprint {fingerprint(key)})",
            do="name the folder of the key that the operator was sent; after hansa party rotate, send the "
            "operator that line for hansa coordinator rekey",
            where=where,
        )


def _unarmoured(text: str) -> bytes:
    if len(text) > _MOST_TEXT:
        raise garbled(COORDINATOR, f"longer than {_MOST_TEXT} characters")
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) < 3 or (lines[0], lines[-1]) != (_FIRST, _LAST):
        raise garbled(COORDINATOR, "no invitation: its first and last line are not an invitation's")
    try:
        return base64.b64decode("".join(lines[1:-1]), validate=True)
    except (binascii.Error, ValueError) as fault:
        raise garbled(COORDINATOR, "its lines are not base64") from fault


def _check(invitation: Invitation) -> None:
    """Pass if every field is what it is for; else raise MessageError."""
    good = {
        "consortium": 0 < len(invitation.consortium) <= _MOST_SHORT and invitation.consortium.isprintable(),
        "run": bool(_RUN.fullmatch(invitation.run)),
        "urls": 0 < len(invitation.urls) <= _MOST_URLS and all(map(_is_url, invitation.urls)),
        "authority": _is_long(invitation.authority) and bool(_CERTIFICATES.fullmatch(invitation.authority)),
        "coordinator": len(invitation.coordinator) == KEY_BYTES,
        "party": bool(PARTY_NAME.fullmatch(invitation.party)),
        "key": len(invitation.key) == KEY_BYTES,
        "token": _is_long(invitation.token) and invitation.token.isprintable(),
        "charter": bool(invitation.charter),
        "servers": _are_apart(invitation),
    }
    wrong = [name for name, holds in good.items() if not holds]
    if wrong:
        raise MessageError(
            f"its invitation has {wrong[0]} that cannot be", do="ask for another one", where=COORDINATOR
        )


def _server(value: object) -> tuple[str, bytes]:
    if not isinstance(value, list) or [type(one) for one in value] != [str, bytes]:
        raise garbled(COORDINATOR, "a server that is none")
    return value[0], value[1]


def _are_apart(invitation: Invitation) -> bool:
    """Return whether servers have names and keys, each its own, and none the coordinator's."""
    names = [COORDINATOR, *(name for name, _ in invitation.servers)]
    keys = [invitation.coordinator, *(key for _, key in invitation.servers)]
    apart = len(set(names)) == len(names) <= _MOST_SERVERS and len(set(keys)) == len(keys)
    return apart and all(map(PARTY_NAME.fullmatch, names)) and all(len(key) == KEY_BYTES for key in keys)


def _is_url(url: str) -> bool:
    return len(url) <= _MOST_SHORT and bool(_URL.fullmatch(url))


def _is_long(text: str) -> bool:
    return len(text) <= _MOST_LONG
