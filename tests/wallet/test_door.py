"""The running client's socket: the same signer for other commands, and nothing that shows or makes a phrase."""

from __future__ import annotations

import asyncio
import os
import socket
import stat

import pytest

from chain.address import Address
from chain.transaction import TransactionRequest
from wallet.door import PASSED, Door
from wallet.errors import CallRefused, DoorTaken, SignerLocked, SignerLost
from wallet.frames import pack
from wallet.peer import connect_unix, listen_unix
from wallet.signer import _CALLS
from wallet.signing import SOCKET_NAME, Signer

PASSWORD = "correct horse battery"
JUNK = "test test test test test test test test test test test junk"
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
REQUEST = TransactionRequest(31337, BOB, 1, nonce=0, max_priority_fee_per_gas=1, max_fee_per_gas=2, gas=21000)


async def test_another_command_signs_through_it(tmp_path):
    async with Signer(tmp_path) as signer:
        await signer.restore(JUNK, PASSWORD, profile="light")
        async with Door(tmp_path, signer), await Signer.connect(tmp_path) as guest:
            assert guest.through_door and guest.pid is None
            account = (await guest.status()).accounts[0]
            signed = await guest.sign_transaction(REQUEST.unsigned_payload, account, REQUEST.signing_hash)
            assert signed.sender == account
            for call in (guest.reveal(PASSWORD), guest.create(12, PASSWORD), guest.restore(JUNK, PASSWORD)):
                with pytest.raises(CallRefused) as caught:
                    await call
                assert caught.value.reason == "not-here"
            assert (await guest.add_account()).accounts == (await signer.status()).accounts

            await guest.lock()
            assert (await guest.status()).unlocked is False
            with pytest.raises(SignerLocked):
                await guest.sign_transaction(REQUEST.unsigned_payload, account, REQUEST.signing_hash)
            assert (await guest.unlock(PASSWORD)).unlocked
        assert (await signer.status()).unlocked  # a guest that leaves takes nothing with it


async def test_without_a_running_client_a_command_has_a_signer_of_its_own(tmp_path):
    async with await Signer.connect(tmp_path) as alone:
        assert not alone.through_door
        assert (await alone.status()).vault is False


async def test_a_client_that_is_gone_is_said_so(tmp_path):
    async with Signer(tmp_path) as signer:
        door = Door(tmp_path, signer)
        await door.open()
        guest = await Signer.connect(tmp_path)
        await door.close()
        for _ in range(2):
            with pytest.raises(SignerLost):
                await guest.status()
        await guest.close()


async def test_the_socket_is_its_owners_alone_and_leaves_nothing(tmp_path):
    async with Signer(tmp_path) as signer, Door(tmp_path, signer):
        path = tmp_path / SOCKET_NAME
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(DoorTaken):
            await Door(tmp_path, signer).open()
        async with await Signer.connect(tmp_path) as guest:
            assert guest.through_door  # the second door did not take the first one's name away
    assert not path.exists()


async def test_a_dead_clients_socket_is_replaced(tmp_path):
    listen_unix(tmp_path / SOCKET_NAME).close()
    assert (tmp_path / SOCKET_NAME).exists()
    async with Signer(tmp_path) as signer, Door(tmp_path, signer), await Signer.connect(tmp_path) as guest:
        assert guest.through_door


async def test_a_path_too_long_for_a_socket_works(tmp_path):
    home = tmp_path / ("a" * 120) / ("b" * 120)
    home.mkdir(parents=True)
    async with Signer(home) as signer, Door(home, signer), await Signer.connect(home) as guest:
        assert guest.through_door
        assert (await guest.status()).vault is False


async def test_garbage_is_hung_up_on_and_the_door_stays_open(tmp_path):
    async with Signer(tmp_path) as signer, Door(tmp_path, signer):
        for sent in (b"\xff" * 8, b"\x00\x00\x00\x02[]", b"GET / HTTP/1.1\r\n\r\n"):
            reader, writer = await connect_unix(tmp_path / SOCKET_NAME, limit=1000)
            writer.write(sent)
            assert await reader.read() == b""
            writer.close()
        reader, writer = await connect_unix(tmp_path / SOCKET_NAME, limit=1000)
        writer.write(pack({"call": ["status"], "with": {}}))
        assert b"not-here" in await reader.read(1000)
        writer.close()


async def test_the_client_answers_calls_of_its_own(tmp_path):
    async def greet(arguments):
        return {"greeting": f"hello {arguments['name']}"}

    async with Signer(tmp_path) as signer, Door(tmp_path, signer, {"greet": greet}):
        guest = await Signer.connect(tmp_path)
        answer = await guest.forward({"call": "greet", "with": {"name": "bob"}})
        assert answer == {"ok": {"greeting": "hello bob"}}
        await guest.close()


async def test_another_users_process_is_not_answered(tmp_path, monkeypatch):
    async with Signer(tmp_path) as signer, Door(tmp_path, signer):
        reader, writer = await connect_unix(tmp_path / SOCKET_NAME, limit=1000)
        monkeypatch.setattr(os, "getuid", lambda: 12345)
        with pytest.raises(PermissionError):
            await connect_unix(tmp_path / SOCKET_NAME, limit=1000)
        writer.close()
        stranger = socket.socket(socket.AF_UNIX)
        stranger.connect(str(tmp_path / SOCKET_NAME))
        stranger.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=stranger)
        assert await reader.read() == b""
        writer.close()


KEPT_BACK = {
    *("add_phrase", "change_password", "import_key", "make_keystore", "split", "restore_shares", "prove"),
    "prove_shares",
    *("begin_backup", "seal_backup", "open_backup", "unseal_backup", "restore_backup", "restore_beside"),
}


def test_what_passes_is_part_of_what_there_is():
    assert set(_CALLS) - PASSED == {"create", "restore", "readings", "reveal", "permit", "release", *KEPT_BACK}
