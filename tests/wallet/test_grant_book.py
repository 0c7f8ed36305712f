"""What is kept of who may what: in files, save for processes, whose grants are theirs alone."""

from __future__ import annotations

import pytest

from chain.address import Address
from wallet.errors import InputMalformed, StateUnusable
from wallet.grants import GrantBook, grant_key, program_document, rows
from wallet.permissions import Grant
from wallet.state import Store

ALICE = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
PAGE = Grant("https://app.example", (ALICE,), 1, 5)
PROCESS = Grant("process:7:1", (ALICE,), 1, 5)
EXTENSION = "chrome-extension://" + "a" * 32


def test_grants_outlive_the_client_and_those_of_processes_do_not(tmp_path):
    book = GrantBook(Store(tmp_path))
    book.replace({PAGE.key: PAGE, PROCESS.key: PROCESS})
    book.read()
    assert set(book.grants) == {PAGE.key, PROCESS.key}
    assert GrantBook(Store(tmp_path)).grants == {PAGE.key: PAGE}


def test_programs_have_names_and_lose_them(tmp_path):
    book = GrantBook(Store(tmp_path))
    book.pair("hardhat", 5)
    assert GrantBook(Store(tmp_path)).programs == {"hardhat"}
    with pytest.raises(InputMalformed):
        book.pair("../x", 5)
    book.replace({"program:hardhat": Grant("program:hardhat", (ALICE,), 1, 5)})
    book.revoke(grant_key("hardhat", book.grants, book.programs, {}))
    assert (book.programs, book.grants) == (frozenset(), {})
    assert program_document("hardhat", 7)["url"] == "http://127.0.0.1:7/p/hardhat"


def test_a_token_works_for_the_origin_that_it_was_given_to_and_is_not_kept(tmp_path):
    book = GrantBook(Store(tmp_path))
    book.keep_extension(EXTENSION, "secret-token")
    assert book.is_extension(EXTENSION, "secret-token")
    assert not book.is_extension("chrome-extension://" + "b" * 32, "secret-token")
    assert not book.is_extension(EXTENSION, "secret-tokem")
    assert all(b"secret-token" not in file.read_bytes() for file in tmp_path.iterdir())
    book.revoke(grant_key(EXTENSION, {}, frozenset(), book.extensions()))
    assert not book.is_extension(EXTENSION, "secret-token")


def test_rows_name_everybody_once(tmp_path):
    book = GrantBook(Store(tmp_path))
    book.replace({PAGE.key: PAGE})
    book.pair("hardhat", 5)
    book.keep_extension(EXTENSION, "t")
    assert [row["client"] for row in rows(book, {})] == [EXTENSION, PAGE.key, "program:hardhat"]


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(InputMalformed):
        grant_key("https://no.example", {}, frozenset(), {})


@pytest.mark.parametrize("clients", [{"x": {}}, [], {"x": {"accounts": ["0x"]}}])
def test_a_damaged_file_is_said(tmp_path, clients):
    Store(tmp_path).put("grants", {"clients": clients})
    with pytest.raises(StateUnusable):
        GrantBook(Store(tmp_path))
