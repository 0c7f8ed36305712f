"""What a policy judges: a request, reduced to what it would let leave the account, worked out from the bytes. Pure.

The signer reads with this module what it is asked to sign; whatever else is known (a simulation, a price) is a claim
that comes with the request and can only make it pass less easily. A signature that lets somebody take tokens counts as
the transfer that it may become. What is not understood to the bottom is a doubt, and a doubt asks the person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chain.address import Address
from chain.calls import Call, unfold
from chain.effects import Act, Effect, effects_of
from chain.methods import Standard
from chain.token import Token
from chain.token_list import TokenList
from chain.transaction import TransactionRequest
from chain.typed_permits import effects_of_typed
from wallet.approvals import Kind
from wallet.errors import BytesNotUnderstood
from wallet.policy import Policy
from wallet.review import WORDED, Caution, Known, Review
from wallet.review_messages import review_message
from wallet.review_transactions import review_transaction
from wallet.review_typed_data import review_typed_data
from wallet.signable import parse_typed_data
from wallet.signable_values import is_typed_values

DOUBTFUL = WORDED | {
    Caution.LOOKS_ALIKE,
    Caution.SIGN_IN_ACCOUNT,
    Caution.SIGN_IN_BROKEN,
    Caution.TRANSACTION_SHAPED,
    Caution.NOT_TEXT,
    Caution.HIDDEN_CHARACTERS,
    Caution.LOST,
    Caution.ALLOWANCE_UNLIMITED,
    Caution.ALLOWANCE_ALL,
    Caution.CONTRACT_WITHOUT_CODE,
    Caution.WRONG_CHAIN,
    Caution.DELEGATECALL,
    Caution.DELEGATED,
    Caution.DOMAIN_CHAIN,
    Caution.DOMAIN_WITHOUT_CHAIN,
    Caution.PERMIT2_IMITATED,
    Caution.WOULD_FAIL,
    Caution.GRANT_HIDDEN,
    Caution.NODES_DISAGREE,
    Caution.NO_DOMAIN,
}
"""Warnings of a review that no rule overrides: the person is asked."""
PIECE, UNRECOGNISED, CREATION, REFUSED = "piece", "unrecognised", "creation", "refused"
_PIECES = (Standard.ERC721, Standard.ERC1155, Standard.NFT)


@dataclass(frozen=True, slots=True)
class Spend:
    """`units` of a token (None: the chain's own coin) that go, or may be taken, by whoever `party` is."""

    chain_id: int
    token: Address | None
    units: int
    party: Address


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a simulation claims: did it succeed, what leaves the account by token, and is there anything else?

    `others`: pieces that leave, or somebody who may take what the bytes do not speak of.
    """

    succeeded: bool
    leaves: tuple[tuple[Address | None, int], ...] = ()
    others: bool = False


@dataclass(frozen=True, slots=True)
class Price:
    """Of one whole token, in 10^-9 of a currency's unit, as somebody claims at `as_of` (Unix seconds)."""

    chain_id: int
    token: Address | None
    currency: str
    nano: int
    as_of: int


@dataclass(frozen=True, slots=True)
class Claims:
    """What the asking process says beside the bytes. `simulated` None: it was not, or could not be."""

    simulated: Foreseen | None = None
    prices: tuple[Price, ...] = ()
    cautions: frozenset[Caution] = frozenset()


@dataclass(frozen=True, slots=True)
class Request:
    """`tokens` are contracts that are spoken to as tokens while nothing leaves (a revocation, an unwrapping).

    `fee` is the most that the transaction may cost, in wei. `is_call`: data is sent, so that only a simulation can tell
    what would come of it.
    """

    client: str
    kind: Kind
    chain_id: int | None
    account: Address | None
    spends: tuple[Spend, ...] = ()
    fee: int = 0
    parties: tuple[Address, ...] = ()
    contracts: tuple[Address, ...] = ()
    selectors: tuple[str, ...] = ()
    tokens: tuple[Address, ...] = ()
    doubts: tuple[str, ...] = ()
    is_call: bool = False
    claims: Claims = Claims()

    def to_json(self) -> dict[str, Any]:
        """For the log, and for trying other rules on it later."""
        spends = [{"chain": s.chain_id, "token": s.token, "units": str(s.units), "party": s.party} for s in self.spends]
        seen = self.claims.simulated
        leaves = [[token, str(units)] for token, units in seen.leaves] if seen else []
        simulated = {"succeeded": seen.succeeded, "leaves": leaves, "others": seen.others} if seen else None
        return {
            "client": self.client,
            "kind": self.kind,
            "chain": self.chain_id,
            "account": self.account,
            "spends": spends,
            "fee": str(self.fee),
            "parties": list(self.parties),
            "contracts": list(self.contracts),
            "selectors": list(self.selectors),
            "tokens": list(self.tokens),
            "doubts": list(self.doubts),
            "is_call": self.is_call,
            "simulated": simulated,
            "prices": [[p.chain_id, p.token, p.currency, str(p.nano), p.as_of] for p in self.claims.prices],
        }


def read_request(document: dict[str, Any]) -> Request:
    """What `to_json` wrote. Raises KeyError, TypeError, ValueError, ChainError."""

    def optional(text: Any) -> Address | None:
        return None if text is None else Address(text)

    seen = document["simulated"]
    leaves = tuple((optional(token), int(units)) for token, units in seen["leaves"]) if seen else ()
    prices = tuple(
        Price(c, optional(t), str(currency), int(n), int(at)) for c, t, currency, n, at in document["prices"]
    )
    return Request(
        str(document["client"]),
        Kind(document["kind"]),
        document["chain"],
        optional(document["account"]),
        tuple(
            Spend(s["chain"], optional(s["token"]), int(s["units"]), Address(s["party"])) for s in document["spends"]
        ),
        int(document["fee"]),
        tuple(map(Address, document["parties"])),
        tuple(map(Address, document["contracts"])),
        tuple(map(str, document["selectors"])),
        tuple(map(Address, document["tokens"])),
        tuple(map(str, document["doubts"])),
        bool(document["is_call"]),
        Claims(Foreseen(seen["succeeded"], leaves, seen["others"]) if seen else None, prices),
    )


def known_of(policy: Policy | None, own: Iterable[Address]) -> Known:
    """What the policy itself knows of tokens: those that its rules name, each as when the rule was made."""
    found: dict[tuple[int, Address | None], Token] = {}
    for rule in policy.rules if policy else ():
        for limit in rule.limits:
            found.setdefault(limit.place, limit.token)
    return Known(TokenList("policy", tuple(token for token in found.values() if token.address)), frozenset(own))


def transaction_request(client: str, payload: bytes, account: Address, known: Known, claims: Claims) -> Request:
    """Of an unsigned payload. Raises BytesNotUnderstood."""
    shown = review_transaction(payload, known, sender=account, host="", origin=client)
    request = TransactionRequest.decode(payload)
    read = _Reading(request.chain_id)
    for call in unfold(account, request.to, request.value, request.data).walk():
        read.call(call)
    return Request(
        client,
        Kind.TRANSACTION,
        request.chain_id,
        account,
        tuple(read.spends),
        request.fee_max,
        _unique(read.parties),
        _unique(read.contracts),
        tuple(dict.fromkeys(read.selectors)),
        _unique(read.tokens),
        _doubts(shown, read.doubts, claims),
        bool(request.data),
        claims,
    )


def message_request(client: str, data: bytes, account: Address, server: str, claims: Claims) -> Request:
    """Of bytes as personal_sign takes them; a sign-in text is a kind of its own. Raises BytesNotUnderstood."""
    shown = review_message(data, account=account, known=Known(TokenList("", ())), origin=client, host=server)
    return Request(client, Kind(shown.kind), None, account, doubts=_doubts(shown, [], claims), claims=claims)


def typed_request(client: str, document: str, account: Address, known: Known, claims: Claims) -> Request:
    """Of typed data: what a contract may do with the signature. What is no known permission is a doubt.

    Raises BytesNotUnderstood.
    """
    if is_typed_values(document):
        return Request(client, Kind.TYPED_DATA, None, account, doubts=(UNRECOGNISED,), claims=claims)
    typed = parse_typed_data(document)
    shown = review_typed_data(document, account=account, known=known, origin=client, host="")
    chain_id, contract = typed.domain_value("chainId"), typed.domain_value("verifyingContract")
    read = _Reading(chain_id if isinstance(chain_id, int) else 0)
    effects = effects_of_typed(typed, account)
    for effect in effects:
        read.effect(effect)
    if not effects:
        read.doubts.append(UNRECOGNISED)
    return Request(
        client,
        Kind.TYPED_DATA,
        read.chain_id or None,
        account,
        tuple(read.spends),
        parties=_unique(read.parties),
        contracts=(contract,) if isinstance(contract, Address) else (),
        tokens=_unique(read.tokens),
        doubts=_doubts(shown, read.doubts, claims),
        claims=claims,
    )


def together(client: str, requests: Sequence[Request]) -> Request:
    """Several transactions as one, as `wallet_sendCalls` asks for them. Raises BytesNotUnderstood for none at all.

    Claims are of all of them: they were simulated one after another, or not at all.
    """
    if not requests:
        raise BytesNotUnderstood("transaction", "none")
    first = requests[0]
    same = all((one.chain_id, one.account) == (first.chain_id, first.account) for one in requests)
    doubts = [doubt for one in requests for doubt in one.doubts] + ([] if same else [UNRECOGNISED])
    return replace(
        first,
        client=client,
        kind=Kind.CALLS,
        spends=tuple(spend for one in requests for spend in one.spends),
        fee=sum(one.fee for one in requests),
        parties=_unique(party for one in requests for party in one.parties),
        contracts=_unique(contract for one in requests for contract in one.contracts),
        selectors=tuple(dict.fromkeys(selector for one in requests for selector in one.selectors)),
        tokens=_unique(token for one in requests for token in one.tokens),
        doubts=tuple(dict.fromkeys(doubts)),
        is_call=len(requests) > 1 or first.is_call,
    )


class _Reading:
    """Calls and effects, added up."""

    def __init__(self, chain_id: int) -> None:
        self.chain_id = chain_id
        self.spends: list[Spend] = []
        self.parties: list[Address] = []
        self.contracts: list[Address] = []
        self.selectors: list[str] = []
        self.tokens: list[Address] = []
        self.doubts: list[str] = []

    def call(self, call: Call) -> None:
        if call.fault is not None:
            self.doubts.append(Caution.CALL_UNKNOWN)
        if call.to is None:
            self.doubts.append(CREATION)
            return
        if call.data or call.is_delegate:
            self.contracts.append(call.to)
            self.selectors.append("0x" + call.data[:4].ljust(4, b"\0").hex())
        if call.value:
            self.spends.append(Spend(self.chain_id, None, call.value, call.to))
        effects = effects_of(call)
        if call.value or not effects:
            self.parties.append(call.to)
        for effect in effects:
            self.effect(effect)

    def effect(self, effect: Effect) -> None:
        """Whose tokens they are does not matter: it is this signature that lets them go."""
        if effect.act is not Act.UNWRAP:
            self.parties.append(effect.party)
        if effect.act in (Act.TRANSFER, Act.ALLOW, Act.ALLOW_MORE):
            if effect.number is not None or effect.units is None or effect.standard in _PIECES:
                self.doubts.append(PIECE)
            else:
                self.spends.append(Spend(self.chain_id, effect.contract, effect.units, effect.party))
        elif effect.act is Act.ALLOW_ALL:
            self.doubts.append(Caution.ALLOWANCE_ALL)
        else:
            self.tokens.append(effect.contract)


def _doubts(shown: Review, found: Sequence[str], claims: Claims) -> tuple[str, ...]:
    named = [caution for caution in (*shown.cautions, *sorted(claims.cautions)) if caution in DOUBTFUL]
    refused = [REFUSED] if shown.refused is not None else []
    return tuple(dict.fromkeys((*found, *named, *refused)))


def _unique(found: Iterable[Address]) -> tuple[Address, ...]:
    return tuple(dict.fromkeys(found))
