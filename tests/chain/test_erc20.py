"""Token calls and logs, ours and others'."""

from dataclasses import replace

import pytest

from chain import erc20
from chain.address import Address
from chain.block import Log
from chain.errors import AnswerMalformed, ReceiverFault, ReceiverRefused
from chain.token import UNITS_MAX, Token, TokenAmount

ALICE = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
TOKEN = Address("0x" + 40 * "d")
DUSD = Token(31337, TOKEN, "DUSD", "Demo Dollar", 6)
LOG = Log(
    TOKEN,
    (erc20.TRANSFER_TOPIC, ALICE.raw.rjust(32, b"\0"), BOB.raw.rjust(32, b"\0")),
    (30).to_bytes(32, "big"),
    0,
    0,
    bytes(32),
    bytes(32),
    1,
)


def test_transfers_of_both_kinds() -> None:
    token = erc20.transfer(TokenAmount.parse("30", DUSD), BOB, ALICE)
    assert (token.to, token.value) == (TOKEN, 0)
    assert token.data.hex() == f"a9059cbb{BOB[2:].lower():0>64}{30_000_000:064x}"
    call = erc20.decode_erc20(token.data)
    assert call == erc20.Erc20Call(erc20.Erc20Method.TRANSFER, BOB, 30_000_000)
    native = erc20.transfer(TokenAmount.parse("0.25", Token.native(31337)), BOB)
    assert (native.to, native.value, native.data) == (BOB, 25 * 10**16, b"")


def test_what_would_be_lost_is_refused() -> None:
    for token, to, fault in (
        (DUSD, Address.ZERO, ReceiverFault.ZERO_ADDRESS),
        (Token.native(1), Address.ZERO, ReceiverFault.ZERO_ADDRESS),
        (DUSD, TOKEN, ReceiverFault.TOKEN_CONTRACT),
    ):
        with pytest.raises(ReceiverRefused) as caught:
            erc20.transfer(TokenAmount(1, token), to)
        assert caught.value.fault is fault


def test_other_calls() -> None:
    unlimited = erc20.decode_erc20(erc20.approve(TokenAmount(UNITS_MAX, DUSD), BOB).data)
    assert unlimited is not None and unlimited.is_unlimited and unlimited.method is erc20.Erc20Method.APPROVE
    words = [ALICE.raw.rjust(32, b"\0"), BOB.raw.rjust(32, b"\0"), (5).to_bytes(32, "big")]
    moved = erc20.decode_erc20(bytes.fromhex("23b872dd") + b"".join(words))
    assert moved == erc20.Erc20Call(erc20.Erc20Method.TRANSFER_FROM, BOB, 5, ALICE)
    for data in (b"", b"\xa9\x05\x9c\xbb", erc20.transfer(TokenAmount(1, DUSD), BOB).data + b"\0"):
        assert erc20.decode_erc20(data) is None
    dirty = bytearray(erc20.transfer(TokenAmount(1, DUSD), BOB).data)
    dirty[4] = 1
    assert erc20.decode_erc20(bytes(dirty)) is None


def test_logs() -> None:
    found = erc20.decode_transfer_log(LOG)
    assert found is not None
    assert (found.token, found.sender, found.receiver, found.units) == (TOKEN, ALICE, BOB, 30)
    nft = replace(LOG, topics=(*LOG.topics, bytes(32)), data=b"")
    dirty = replace(LOG, topics=(LOG.topics[0], b"\1" * 32, LOG.topics[2]))
    for other in (nft, dirty, replace(LOG, data=b""), replace(LOG, topics=(bytes(32), *LOG.topics[1:]))):
        assert erc20.decode_transfer_log(other) is None


def test_an_address_without_code_answers_nothing() -> None:
    assert erc20.decode_balance((7).to_bytes(32, "big")) == 7
    with pytest.raises(AnswerMalformed):
        erc20.decode_balance(b"")
