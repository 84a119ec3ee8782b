"""The errors that a user may see: one sentence with the place, the fault and the remedy."""

import pytest

from hansa.core.errors import CharterError, DataError, FolderError, HansaError, PartyError

KINDS = [CharterError, DataError, FolderError, PartyError]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_says_where_what_and_what_to_do_in_one_sentence(kind: type[HansaError]) -> None:
    error = kind("the file is empty", do="fetch it again", where="train_FD004.txt")
    assert str(error) == "train_FD004.txt: the file is empty; fetch it again."
    assert (error.where, error.what, error.do) == ("train_FD004.txt", "the file is empty", "fetch it again")


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_without_a_place_starts_with_the_fault(kind: type[HansaError]) -> None:
    assert str(kind("the seed is negative", do="write 0 or more")) == "the seed is negative; write 0 or more."


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_line_can_catch_all_of_them_and_nothing_else(kind: type[HansaError]) -> None:
    assert issubclass(kind, HansaError)
    assert not issubclass(kind, (ValueError, OSError, KeyError))


def test_nobody_can_raise_an_error_without_a_remedy() -> None:
    with pytest.raises(TypeError):
        PartyError("it went wrong")  # type: ignore[call-arg]
