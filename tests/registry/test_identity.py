"""An identity in its folder: nobody else reads it, nothing overwrites it, the next key follows from it."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from hansa.core.errors import FolderError, MessageError
from hansa.crypto.identities import Succession, fingerprint, succession
from hansa.protection.enrolment import Credential
from hansa.registry import identity as module
from hansa.registry.identity import (
    FILE,
    OLD_FILE,
    drop_former,
    former_identity,
    load_identity,
    make_identity,
    rotate_identity,
)


def test_an_identity_is_loaded_as_it_was_made(tmp_path: Path) -> None:
    made = make_identity(tmp_path)
    assert load_identity(tmp_path) == made
    assert made.succession is None
    assert Credential("a", made.signing, made.agreement).signing.public == made.signing.public


def test_two_identities_share_no_secret(tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in "ab")
    first.mkdir()
    second.mkdir()
    one, other = make_identity(first), make_identity(second)
    secrets = {one.signing.secret, one.agreement.secret, other.signing.secret, other.agreement.secret}
    assert len(secrets) == 4


def test_the_file_is_closed_to_others_before_it_has_a_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes, opened = [], os.open

    def watched(path: object, flags: int, mode: int = 0o777, **more: object) -> int:
        descriptor = opened(path, flags, mode, **more)  # type: ignore[arg-type]
        if flags & os.O_CREAT:
            modes.append((os.fstat(descriptor).st_mode & 0o777, os.fstat(descriptor).st_size))
        return descriptor

    monkeypatch.setattr(module.os, "open", watched)
    previous = os.umask(0)
    try:
        make_identity(tmp_path)
        rotate_identity(tmp_path)
    finally:
        os.umask(previous)
    assert modes == [(0o600, 0), (0o600, 0)]
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in (FILE, OLD_FILE)} == {0o600}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([FILE, OLD_FILE])


def test_an_identity_is_never_overwritten(tmp_path: Path) -> None:
    made = make_identity(tmp_path)
    with pytest.raises(FolderError, match="is there already"):
        make_identity(tmp_path)
    assert load_identity(tmp_path) == made
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o666, 0o777])
def test_a_file_that_others_can_touch_is_refused_with_the_command_to_run(tmp_path: Path, mode: int) -> None:
    make_identity(tmp_path)
    path = tmp_path / FILE
    path.chmod(mode)
    with pytest.raises(FolderError, match=f"run chmod 600 {path}"):
        load_identity(tmp_path)
    path.chmod(0o600)
    load_identity(tmp_path)


def test_no_secret_is_in_what_is_shown_or_raised(tmp_path: Path) -> None:
    made = make_identity(tmp_path)
    secrets = [made.signing.secret, made.agreement.secret]
    made.agreement.shared_with(made.agreement.public, "itself")  # what it caches does not show either
    path = tmp_path / FILE
    path.write_text(path.read_text().replace("agreement", "agreemint"))
    with pytest.raises(FolderError) as caught:
        load_identity(tmp_path)
    assert caught.value.__cause__ is None
    for shown in (repr(made), str(made), str(caught.value)):
        assert not [one for one in secrets if one.hex() in shown or repr(one)[2:-1] in shown]


def test_a_new_key_takes_the_place_of_the_old_one_with_its_word(tmp_path: Path) -> None:
    old = make_identity(tmp_path)
    new = rotate_identity(tmp_path)
    assert load_identity(tmp_path) == new
    assert former_identity(tmp_path) == old
    assert new.agreement.secret != old.agreement.secret
    assert new.succession is not None
    assert (new.succession.old, new.succession.new) == (old.signing.public, new.signing.public)
    new.succession.check("a")
    drop_former(tmp_path)
    assert former_identity(tmp_path) is None
    assert load_identity(tmp_path) == new
    drop_former(tmp_path)


def test_a_third_key_waits_until_the_first_is_dropped(tmp_path: Path) -> None:
    make_identity(tmp_path)
    second = rotate_identity(tmp_path)
    with pytest.raises(FolderError, match="still kept"):
        rotate_identity(tmp_path)
    assert load_identity(tmp_path) == second
    drop_former(tmp_path)
    assert rotate_identity(tmp_path).succession.old == second.signing.public  # type: ignore[union-attr]


@pytest.mark.parametrize("cut", ["link", "replace"])
def test_a_rotation_that_is_killed_leaves_a_key_at_work_and_can_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    old = make_identity(tmp_path)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(*((module.os, "link") if cut == "link" else (Path, "replace")), killed)
        rotate_identity(tmp_path)
    assert load_identity(tmp_path) == old
    new = rotate_identity(tmp_path)
    assert (load_identity(tmp_path), former_identity(tmp_path)) == (new, old)


def test_what_a_killed_process_left_beside_the_file_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / f".{FILE}.{os.getpid()}").write_text("half")
    make_identity(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_folder_without_an_identity_says_so(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="is missing"):
        load_identity(tmp_path)
    with pytest.raises(FolderError, match="cannot be written"):
        make_identity(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[:-3],
        lambda text: text + "more\n",
        lambda text: text.replace("hansa identity 1", "hansa identity 2"),
        lambda text: text + text.splitlines()[1] + "\n",
        lambda text: text.replace("old ", "older "),
        lambda text: text.replace("signing ", "signing é"),
        lambda text: text.replace("old ", "old 00"),
        lambda text: "\n".join(text.splitlines()[:-1]) + f"\nsuccession {'00' * 64}\n",
        lambda text: "x" * 5000,
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage) -> None:
    make_identity(tmp_path)
    rotate_identity(tmp_path)
    path = tmp_path / FILE
    path.write_text(damage(path.read_text()), encoding="utf-8")
    with pytest.raises(FolderError, match="holds no identity, or a damaged one"):
        load_identity(tmp_path)


def test_a_succession_is_the_old_keys_alone(tmp_path: Path) -> None:
    made = make_identity(tmp_path)
    other = bytes(range(32))
    word = succession(made.signing, other)
    word.check("a")
    forged = [
        replace(word, new=bytes(32)),
        replace(word, old=other),
        Succession(word.old, word.new, made.signing.sign("membership approval", word.old + word.new)),
    ]
    for one in forged:
        with pytest.raises(MessageError, match="signature of succession"):
            one.check("a")


def test_a_fingerprint_is_eight_groups_that_differ_from_key_to_key(tmp_path: Path) -> None:
    shown = fingerprint(make_identity(tmp_path).signing.public)
    assert [len(group) for group in shown.split(" ")] == [4] * 8
    assert fingerprint(bytes(32)) == "6668 7aad f862 bd77 6c8f c18b 8e9f 8e20"  # sha256sum of 32 zeros
    assert shown != fingerprint(bytes(32))
