"""What a person is shown before a signature: worked out from the bytes, each fact marked by where it comes from. Pure.

Three sources: *bytes* (what will be signed says so itself), *list* (the person's own pins and token list), *claimed*
(another party says so). A review carries the digest of the bytes it was made from; the signer signs no other. Orders to
the ledger are reviewed in review_orders, messages in review_messages, typed data in review_typed_data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from chain.address import Address
from chain.token import Token, TokenAmount
from chain.token_list import TokenList
from fiat.holder import HolderGenesis, fingerprint
from wallet.signable import read_sign_in, read_transaction


class Source(StrEnum):
    BYTES = "bytes"
    LIST = "list"
    CLAIMED = "claimed"


class Title(StrEnum):
    PAY = "pay"
    WITHDRAW = "withdraw"
    SEND = "send"
    CALL = "call"
    SIGN_IN = "sign-in"
    REGISTER = "register"
    CONVERT = "convert"
    HOLD = "hold"
    MANDATE = "mandate"
    KEY_ADD = "key-add"
    KEY_REVOKE = "key-revoke"
    FREEZE = "freeze"
    UNFREEZE = "unfreeze"
    LIMIT = "limit"
    MANDATE_REVOKE = "mandate-revoke"
    CANCEL = "cancel"
    MESSAGE = "message"
    TYPED_DATA = "typed-data"


class Label(StrEnum):
    AMOUNT = "amount"
    PAYEE = "payee"
    FINGERPRINT = "fingerprint"
    ADDRESS = "address"
    DESTINATION = "destination"
    MEMO = "memo"
    FEE = "fee"
    FEE_MAX = "fee-max"
    NET = "net"
    TOTAL = "total"
    VALID_UNTIL = "valid-until"
    LEDGER = "ledger"
    NETWORK = "network"
    FROM = "from"
    CONTRACT = "contract"
    DATA = "data"
    NONCE = "nonce"
    SITE = "site"
    STATEMENT = "statement"
    KEY = "key"
    HANDLE = "handle"
    NODE = "node"
    RECEIVE = "receive"
    RATE = "rate"
    MARKET = "market"
    SPREAD = "spread"
    QUOTE = "quote"
    PER_PERIOD = "per-period"
    PERIOD = "period"
    COUNT = "count"
    UNTIL = "until"
    LIMIT = "limit"
    BEFORE = "before"
    EFFECT = "effect"
    ABOUT = "about"
    RECOVERY = "recovery"
    ASKED_BY = "asked-by"
    TEXT = "text"
    TYPE = "type"
    DOMAIN = "domain"
    MEMBER = "member"
    DOMAIN_HASH = "domain-hash"
    MESSAGE_HASH = "message-hash"
    DIGEST = "digest"
    EIP712_DIGEST = "eip-712-digest"
    CALLDATA_DIGEST = "calldata-digest"
    URI = "uri"
    RESOURCE = "resource"
    ISSUED_AT = "issued-at"
    VALID_FROM = "valid-from"
    REQUEST = "request"


class Caution(StrEnum):
    FIRST_TIME = "first-time"
    LOOKS_ALIKE = "looks-alike"
    OWN_ADDRESS = "own-address"
    TOKEN_UNLISTED = "token-unlisted"  # noqa: S105  # the name of a warning
    CALL_UNKNOWN = "call-unknown"
    FEE_HIGH = "fee-high"
    UNANSWERED = "unanswered"
    RATE_POOR = "rate-poor"
    SIGN_IN_ELSEWHERE = "sign-in-elsewhere"
    SIGN_IN_ACCOUNT = "sign-in-account"
    SIGN_IN_BROKEN = "sign-in-broken"
    TRANSACTION_SHAPED = "transaction-shaped"
    NOT_TEXT = "not-text"
    HIDDEN_CHARACTERS = "hidden-characters"
    TOO_LONG = "too-long"
    ADDRESS_ODD = "address-odd"


WORDED = frozenset({Caution.CALL_UNKNOWN, Caution.SIGN_IN_ELSEWHERE, Caution.TOO_LONG})
"""Nothing that has one of these is signed before a word was typed."""


class Refusal(StrEnum):
    """Why what a dApp asks for is never signed, whatever the person says."""

    LEDGER_DOMAIN = "ledger-domain"
    SERVER_SIGN_IN = "server-sign-in"


_KINDS = {Title.SIGN_IN: "siwe", Title.MESSAGE: "sign_message", Title.TYPED_DATA: "sign_typed_data"}
_KINDS |= dict.fromkeys((Title.SEND, Title.CALL), "send_transaction")


@dataclass(frozen=True, slots=True)
class Fact:
    """`about` says which one of several, as a path (`message.to`, `2.1`); `by` whose claim it is, if not the host's."""

    label: Label
    value: str
    source: Source
    about: str = ""
    by: str = ""

    def to_json(self) -> dict[str, str]:
        more = {name: text for name, text in (("about", self.about), ("by", self.by)) if text}
        return {"label": self.label, "value": self.value, "source": self.source, **more}


@dataclass(frozen=True, slots=True)
class Review:
    """`host` is whose claim a claimed fact is; `payee_known`: met before, or named in full by the person.

    `refused` is set where a dApp asks for what is never signed.
    """

    title: Title
    digest: bytes
    facts: tuple[Fact, ...]
    host: str
    cautions: tuple[Caution, ...] = ()
    payee_known: bool = True
    refused: Refusal | None = None

    @property
    def needs_word(self) -> bool:
        """Is a typed word asked, because the bytes are not fully understood or speak to somebody else?"""
        return not WORDED.isdisjoint(self.cautions)

    @property
    def kind(self) -> str:
        """As approvals name it; orders to the ledger are no dApp's to ask for."""
        return _KINDS.get(self.title, "order")

    def to_json(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "title": self.title,
            "digest": "0x" + self.digest.hex(),
            "facts": [fact.to_json() for fact in self.facts],
            "warnings": list(self.cautions),
            "needs_word": self.needs_word,
            "refused": self.refused,
            "host": self.host,
        }


@dataclass(frozen=True, slots=True)
class Told:
    """A text that travels beside an order, and its 16-byte salt."""

    salt: bytes
    text: str

    def to_json(self) -> dict[str, str]:
        return {"salt": "0x" + self.salt.hex(), "text": self.text}


@dataclass(frozen=True, slots=True)
class Known:
    """What the person's own files know about the chain side: lists, contacts, own addresses."""

    tokens: TokenList
    own: frozenset[Address] = frozenset()
    met: frozenset[Address] = frozenset()
    networks: Mapping[int, str] = field(default_factory=dict)


def review_transaction(
    payload: bytes, known: Known, *, sender: Address, host: str, payee: str = "", payee_known: bool = True
) -> Review:
    """Of an unsigned EIP-1559 payload. `payee` is the handle that stands for the receiver, if one was typed."""
    signable = read_transaction(payload)
    facts_of = signable.facts
    chain_id, target = int(facts_of["chain_id"]), facts_of["to"]
    native = Token.native(chain_id)
    fee = TokenAmount(int(facts_of["gas"]) * int(facts_of["max_fee_per_gas"]), native)
    value = TokenAmount(int(facts_of["value"]), native)
    told, receiver, warnings = _movement(facts_of, known, chain_id, target, value)
    if receiver:
        warnings += _receiver_warnings(Address(receiver), known, named=bool(payee))
    facts = list(told)
    if payee:
        facts.append(Fact(Label.PAYEE, payee, Source.LIST if payee_known else Source.CLAIMED))
    if receiver:
        facts.append(Fact(Label.ADDRESS, receiver, Source.BYTES))
    facts += [
        Fact(Label.FROM, sender, Source.LIST),
        Fact(Label.NETWORK, f"{known.networks.get(chain_id, '?')} ({chain_id})", Source.LIST),
        Fact(Label.FEE_MAX, str(fee), Source.BYTES),
    ]
    if value.units:
        facts.append(Fact(Label.TOTAL, str(value + fee), Source.BYTES))
    facts += [Fact(Label.NONCE, facts_of["nonce"], Source.BYTES), Fact(Label.NODE, host, Source.LIST)]
    if payee and not payee_known:
        warnings.append(Caution.FIRST_TIME)
    title = Title.CALL if Caution.CALL_UNKNOWN in warnings else Title.SEND
    return Review(title, signable.digest, tuple(facts), host, tuple(warnings), payee_known)


def _movement(
    facts: Mapping[str, str], known: Known, chain_id: int, target: str, value: TokenAmount
) -> tuple[list[Fact], str, list[Caution]]:
    """What moves, to whom, and what is unusual about it."""
    if facts["data"] == "0x" and target:
        return [Fact(Label.AMOUNT, str(value), Source.BYTES)], target, []
    if facts.get("erc20_method") == "transfer" and value.units == 0:
        units = int(facts["erc20_units"])
        token = known.tokens.by_address(chain_id, Address(target))
        if token is None:
            told = [Fact(Label.AMOUNT, f"{units} / 10^?", Source.BYTES), Fact(Label.CONTRACT, target, Source.BYTES)]
            return told, facts["erc20_party"], [Caution.TOKEN_UNLISTED]
        # The number is in the bytes; what it is called and where its point stands is in the list.
        told = [Fact(Label.AMOUNT, str(TokenAmount(units, token)), Source.LIST)]
        return [*told, Fact(Label.CONTRACT, target, Source.BYTES)], facts["erc20_party"], []
    told = [
        Fact(Label.AMOUNT, str(value), Source.BYTES),
        Fact(Label.CONTRACT, target or "-", Source.BYTES),
        Fact(Label.DATA, facts["data"][:202], Source.BYTES),
    ]
    return told, "", [Caution.CALL_UNKNOWN]


def _receiver_warnings(receiver: Address, known: Known, *, named: bool) -> list[Caution]:
    if receiver in known.own:
        return [Caution.OWN_ADDRESS]
    # A receiver that a proven handle stands for is not compared by eye, so it cannot be mistaken for a look-alike.
    return [] if named or not looks_alike(receiver, known.own | known.met) else [Caution.LOOKS_ALIKE]


def looks_alike(address: Address, others: Iterable[Address]) -> bool:
    """Same first or last four digits as another that is known, but another address: how poisoning works."""
    near = address.lower()
    return address not in (pool := frozenset(others)) and any(
        near[2:6] == other.lower()[2:6] or near[-4:] == other.lower()[-4:] for other in pool
    )


def review_sign_in(text: str, *, host: str) -> Review:
    """Of an EIP-4361 text. Raises BytesNotUnderstood."""
    signable = read_sign_in(text)
    facts = (
        Fact(Label.SITE, signable.facts["domain"], Source.BYTES),
        Fact(Label.STATEMENT, signable.facts["statement"], Source.BYTES),
        Fact(Label.KEY, signable.facts["address"], Source.BYTES),
        Fact(Label.VALID_UNTIL, signable.facts["expiration_time"], Source.BYTES),
    )
    return Review(Title.SIGN_IN, signable.digest, facts, host)


def review_registration(
    ledger_id: bytes,
    genesis: HolderGenesis,
    handle: str,
    accounts: Sequence[tuple[int, Address]],
    digest: bytes,
    *,
    host: str,
) -> Review:
    """Of the statements that open an account: which handle, which holder, which chain addresses, what recovery."""
    facts = [
        Fact(Label.HANDLE, f"@{handle}", Source.BYTES),
        Fact(Label.FINGERPRINT, fingerprint(genesis.holder_id), Source.BYTES),
        Fact(Label.RECOVERY, genesis.recovery.name.lower(), Source.BYTES),
        *(Fact(Label.ADDRESS, f"{account} ({chain_id})", Source.BYTES) for chain_id, account in accounts),
        Fact(Label.LEDGER, ledger_id.hex()[:16], Source.CLAIMED),
    ]
    return Review(Title.REGISTER, digest, tuple(facts), host)
