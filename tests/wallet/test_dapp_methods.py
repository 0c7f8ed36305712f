"""Every method is answered by one of four, and what could sign or change a node blindly is refused."""

from __future__ import annotations

import pytest

from chain.errors import (
    AnswerMalformed,
    AnswerTooLarge,
    ChainError,
    ExecutionReverted,
    FeeTooHigh,
    InsufficientNative,
    InsufficientToken,
    NodeRefused,
    NodeUnreachable,
    TokenWithoutCode,
    TransactionMalformed,
    TransactionUnseen,
    WrongChain,
)
from wallet.dapp_failures import refusal_of
from wallet.dapp_methods import RELAYED, SERVED, How, how
from wallet.errors import BY_CODE, AccountUnknown, BytesNotUnderstood, RpcRefused, SignerLocked, SignerLost, WalletError
from wallet.rpc import Code


def test_served_and_relayed_are_two():
    assert not SERVED & RELAYED
    assert how("eth_accounts") is How.SERVED and how("eth_call") is How.RELAYED


@pytest.mark.parametrize(
    "method",
    [
        "eth_sign",
        "eth_signTransaction",
        "eth_decrypt",
        "eth_getEncryptionPublicKey",
        "admin_peers",
        "anvil_setBalance",
        "debug_traceCall",
        "evm_mine",
        "hardhat_reset",
        "personal_unlockAccount",
        "personal_sendTransaction",
    ],
)
def test_refused_by_name(method):
    assert how(method) is How.REFUSED


@pytest.mark.parametrize("method", ["eth_mining", "eth_getWork", "eth_protocolVersion", "net_peerCount"])
def test_what_the_standard_knows_and_nobody_does_here(method):
    assert how(method) is How.ABSENT


@pytest.mark.parametrize("method", ["", "eth_mine", "ETH_ACCOUNTS", "eth_accounts ", "trace_call", "wallet_x"])
def test_unknown(method):
    assert how(method) is How.UNKNOWN


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RpcRefused(4001, "no", None), 4001),
        (NodeRefused(-32015, "x", "0x"), -32015),
        (InsufficientNative(1, 2, 3), Code.INPUT),
        (InsufficientToken("0x", 1, 2), Code.INPUT),
        (TokenWithoutCode("0x"), Code.INPUT),
        (FeeTooHigh(1, 1), Code.INPUT),
        (NodeUnreachable("http://x", "timeout"), Code.CHAIN_DISCONNECTED),
        (WrongChain(1, 2), Code.CHAIN_DISCONNECTED),
        (AnswerMalformed("x"), Code.UNAVAILABLE),
        (AnswerTooLarge(1), Code.UNAVAILABLE),
        (TransactionMalformed("x"), Code.PARAMS),
        (BytesNotUnderstood("message", "length"), Code.PARAMS),
        (SignerLocked(), Code.UNAVAILABLE),
        (AccountUnknown("0x"), Code.UNAUTHORISED),
        (SignerLost("ended"), Code.INTERNAL),
        (TransactionUnseen("0x", 1), Code.INTERNAL),
    ],
)
def test_failures_have_codes(error, code):
    assert refusal_of(error).number == code


def test_a_missing_node_is_a_missing_connection_where_it_is_the_only_one():
    assert refusal_of(NodeUnreachable("http://x", "timeout"), only_chain=True).number == Code.DISCONNECTED


def test_what_a_node_says_of_a_revert_is_left_as_it_is():
    refused = refusal_of(ExecutionReverted(3, "execution reverted: no", "0x08c379a0", "no"))
    assert (refused.number, refused.reason, refused.data) == (3, "execution reverted: no", "0x08c379a0")


def made(error):
    """With something in every field."""
    names = error.names if issubclass(error, WalletError) else getattr(error, "__dataclass_fields__", ())
    return error(**dict.fromkeys(names, 7))


def test_every_error_has_a_code_of_the_contract():
    found = [error for error in [*BY_CODE.values(), *concrete(ChainError)] if not issubclass(error, RpcRefused)]
    found = [error for error in found if not issubclass(error, NodeRefused)]  # those keep the node's own code
    assert len(found) > 60
    for error in found:
        assert refusal_of(made(error)).number in set(Code), error


def concrete(base):
    return [error for child in base.__subclasses__() for error in (child, *concrete(child))]
