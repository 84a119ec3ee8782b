"""An invitation comes back as it was signed, or not at all, and is of use to one party alone."""

import base64
import re
from dataclasses import replace
from typing import Any

import pytest

from hansa.core import codec
from hansa.core.errors import MessageError, RefusedError
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.invitation import Invitation, armoured, check_own, read_invitation
from tests.protection.members import key

BOSS, OWN = key(COORDINATOR), key("airline-5")
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\nAA==\n-----END CERTIFICATE-----\n"
INVITATION = Invitation(
    "Airlines", "0123456789abcdef", ("tls://hub.example:4222", "wss://[::1]:443"), PEM, BOSS.public,
    "airline-5", OWN.public, "eyJ0.e30.c2ln", 'name = "a"\nconsortium = "Airlines"\n',
)  # fmt: skip
TEXT = armoured(INVITATION, BOSS)


def test_an_invitation_comes_back_as_it_was_sent() -> None:
    assert read_invitation(TEXT) == INVITATION
    assert max(len(line) for line in TEXT.splitlines()) == 64
    check_own(INVITATION, "airline-5", OWN.public)
    served = replace(INVITATION, servers=(("second-server", OWN.public), ("third-server", bytes(32))))
    assert read_invitation(armoured(served, BOSS)) == served


@pytest.mark.parametrize(
    "mailed",
    [
        TEXT.replace("\n", "\r\n"),
        f"\n  \n{TEXT}\n\n",
        "\n".join(f"  {line} " for line in TEXT.splitlines()),
    ],
)
def test_what_mail_does_to_spaces_does_no_harm(mailed: str) -> None:
    assert read_invitation(mailed) == INVITATION


def test_every_character_of_it_is_signed() -> None:
    lines = TEXT.splitlines()
    for at in range(1, len(lines) - 1):
        for place in (0, len(lines[at]) // 2):
            other = "A" if lines[at][place] != "A" else "B"
            spoilt = lines[at][:place] + other + lines[at][place + 1 :]
            with pytest.raises(MessageError):
                read_invitation("\n".join([*lines[:at], spoilt, *lines[at + 1 :]]))


def test_another_key_cannot_sign_in_the_coordinators_name() -> None:
    with pytest.raises(MessageError, match="signature of invitation"):
        read_invitation(armoured(INVITATION, key("thief")))


def test_it_serves_the_party_and_the_key_that_it_is_for_alone() -> None:
    with pytest.raises(RefusedError, match="invites airline-5, and this is airline-6"):
        check_own(INVITATION, "airline-6", OWN.public)
    with pytest.raises(RefusedError, match="another key"):
        check_own(INVITATION, "airline-5", BOSS.public)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("consortium", ""),
        ("consortium", "a\x1b[2J"),
        ("consortium", "a" * 600),
        ("run", "../../home"),
        ("urls", ()),
        ("urls", ("tls://a",) * 17),
        ("urls", ("nats://hub.example:4222",)),
        ("urls", ("tls://user:password@hub.example",)),
        ("urls", ("tls://hub.example\nx",)),
        ("authority", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"),
        ("authority", PEM + "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"),
        ("authority", PEM * 2000),
        ("party", "../x"),
        ("key", b"short"),
        ("token", "a\nb"),
        ("token", "a" * (1 << 17)),
        ("charter", ""),
        ("servers", (("second-server", b"short"),)),
        ("servers", (("../x", OWN.public),)),
        ("servers", ((COORDINATOR, OWN.public),)),
        ("servers", (("second-server", BOSS.public),)),
        ("servers", (("second-server", OWN.public), ("third-server", OWN.public))),
        ("servers", (("second-server", OWN.public), ("second-server", OWN.public))),
        ("servers", tuple((f"server-{place}", bytes([place] * 32)) for place in range(3))),
    ],
)
def test_a_field_that_cannot_be_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(MessageError, match=f"has {name} that cannot be"):
        read_invitation(armoured(replace(INVITATION, **{name: value}), BOSS))


def test_an_authority_that_every_machine_trusts_is_left_out() -> None:
    plain = replace(INVITATION, authority="")
    assert read_invitation(armoured(plain, BOSS)) == plain


def _armoured(data: bytes) -> str:
    return TEXT.splitlines()[0] + "\n" + base64.b64encode(data).decode() + "\n" + TEXT.splitlines()[-1]


def _resigned(**changed: Any) -> str:
    value = codec.decode(codec.decode(base64.b64decode("".join(TEXT.splitlines()[1:-1])))[0]) | changed
    inner = codec.encode(value)
    return _armoured(codec.encode([inner, BOSS.sign("invitation", inner)]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        TEXT.replace("BEGIN", "START"),
        TEXT[: len(TEXT) // 2],
        re.sub(r"\n.*\n", "\n!!!\n", TEXT, count=1),
        re.sub(r"\n.*\n", "\né\n", TEXT, count=1),
        _armoured(b""),
        _armoured(codec.encode([b"", bytes(64)])),
        _armoured(codec.encode([codec.encode({"coordinator": BOSS.public}), bytes(64)])),
        _resigned(more=1),
        _resigned(urls=["tls://a", 1]),
        _resigned(token=b"a"),
        _resigned(coordinator="a"),
        _resigned(charter="a" * (1 << 22)),
        "a" * (1 << 23),
    ],
)
def test_what_is_no_invitation_is_refused_by_one_sentence(text: str) -> None:
    with pytest.raises(MessageError) as caught:
        read_invitation(text)
    assert "\n" not in str(caught.value)
