"""Rules and requests for the tests of policies: one token, one page, a few bytes that are asked to be signed."""

from __future__ import annotations

from dataclasses import replace

from chain.address import Address
from chain.calldata import encode_call
from chain.token import Token
from chain.transaction import TransactionRequest
from wallet.approvals import Kind
from wallet.policy import Limit, Policy, Rule, Verdict
from wallet.policy_request import Claims, Foreseen, known_of, transaction_request
from wallet.purse import TOKENS

ME = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
STRANGER = Address("0x" + "5e" * 20)
CHAIN, PAGE, DOLLAR, FEE = 31337, "https://app.example", 10**6, 65_000 * 3 * 10**9
DUSD, DWETH = (replace(TOKENS.by_symbol(CHAIN, symbol), name="") for symbol in ("DUSD", "DWETH"))
COIN = Token.native(CHAIN, name="")
NOW = 1_790_000_000
CALM = Claims(Foreseen(True, ((DUSD.address, 5 * DOLLAR),)))


def allow(*limits, **members):
    given = {"client": PAGE, "kinds": (Kind.TRANSACTION, Kind.TYPED_DATA), "chain_id": CHAIN, "fees_a_day": 10**16}
    return Rule("r1", Verdict.ALLOW, **{**given, "limits": limits or (dollars(),), **members})


def refuse(verdict=Verdict.DENY, **members):
    return Rule("r1", verdict, **{"client": "*", **members})


def dollars(up_to=10, a_day=20, **more):
    return Limit(DUSD, None if up_to is None else up_to * DOLLAR, None if a_day is None else a_day * DOLLAR, **more)


def policy(*rules):
    made = Policy("ab" * 16, 1, "127.0.0.1:8000")
    for rule in rules:
        made = made.with_rule(rule)
    return made


def transaction(to=DUSD.address, data=None, value=0, nonce=0, chain_id=CHAIN):
    data = encode_call("transfer(address,uint256)", BOB, 5 * DOLLAR) if data is None else data
    return TransactionRequest(
        chain_id, to, value, data, nonce=nonce, max_priority_fee_per_gas=1, max_fee_per_gas=3 * 10**9, gas=65_000
    )


def pay(dollars_paid, to=BOB, nonce=0):
    return transaction(data=encode_call("transfer(address,uint256)", to, dollars_paid * DOLLAR), nonce=nonce)


def asked(of=None, rules=(), claims=CALM, client=PAGE):
    """A page's request to send this transaction, read as the signer reads it."""
    payload = (of or transaction()).unsigned_payload
    return transaction_request(client, payload, ME, known_of(policy(*(rules or [allow()])), [ME]), claims)


def foreseen(units=5 * DOLLAR, token=DUSD.address, succeeded=True, others=False):
    return Claims(Foreseen(succeeded, ((token, units),), others))
