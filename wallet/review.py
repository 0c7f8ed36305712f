"""What a person is shown before a signature: worked out from the bytes, each fact marked by where it comes from. Pure.

Three sources: *bytes* (what will be signed says so itself), *list* (the person's own pins and token list), *claimed*
(another party says so). A review carries the digest of the bytes it was made from; the signer signs no other. Orders to
the ledger are reviewed in review_orders, transactions in review_transactions, messages in review_messages, typed data
in review_typed_data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from chain.address import Address
from chain.descriptor import Descriptor
from chain.token_list import TokenList
from fiat.holder import HolderGenesis, fingerprint
from wallet.signable import read_sign_in


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
    CONTRACT_CALL = "contract-call"
    ALLOW = "allow"
    MESSAGE = "message"
    TYPED_DATA = "typed-data"
    CONNECT = "connect"
    CALLS = "calls"
    ADD_CHAIN = "add-chain"
    SWITCH_CHAIN = "switch-chain"
    WATCH_ASSET = "watch-asset"
    PERMIT = "permit"
    DELEGATE = "delegate"
    UNDELEGATE = "undelegate"


class Label(StrEnum):
    AMOUNT = "amount"
    PAYEE = "payee"
    FINGERPRINT = "fingerprint"
    ADDRESS = "address"
    DESTINATION = "destination"
    MEMO = "memo"
    FEE = "fee"
    FEE_MAX = "fee-max"
    NETWORK_FEE = "network-fee"
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
    KEPT_BACK = "kept-back"
    QUOTE = "quote"
    PER_PERIOD = "per-period"
    PERIOD = "period"
    COUNT = "count"
    TRANSACTIONS = "transactions"
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
    PROCESS = "process"
    EXECUTABLE = "executable"
    COIN = "coin"
    DECIMALS = "decimals"
    TOKEN_ID = "token-id"  # noqa: S105  # the name of a fact
    CALL = "call"
    ARGUMENT = "argument"
    DELEGATECALL = "delegatecall"
    FAULT = "fault"
    TOKEN = "token"  # noqa: S105  # the name of a label
    MOVES = "moves"
    ALLOWED = "allowed"
    ALLOWED_MORE = "allowed-more"
    ALLOWED_LESS = "allowed-less"
    REVOKED = "revoked"
    WRAPPED = "wrapped"
    UNWRAPPED = "unwrapped"
    RECEIVER = "receiver"
    SPENDER = "spender"
    OWNER = "owner"
    DELEGATION = "delegation"
    DESCRIBED_AS = "described-as"
    INTENT = "intent"
    FIELD = "field"
    SIMULATED = "simulated"
    WOULD_FAIL = "would-fail"
    COMES = "comes"
    GOES = "goes"
    ALLOWED_AFTER = "allowed-after"
    FORESEEN = "foreseen"
    UNFORESEEN = "unforeseen"
    UNSENT = "unsent"
    ACCOUNT = "account"
    PAID_BY = "paid-by"
    CODE = "code"
    SECOND_NODE = "second-node"
    SAYS = "says"


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
    NO_DOMAIN = "no-domain"
    FIRST_PAYMENT = "first-payment"
    LOST = "lost"
    ALLOWANCE_UNLIMITED = "allowance-unlimited"
    ALLOWANCE_LASTING = "allowance-lasting"
    ALLOWANCE_ALL = "allowance-all"
    SPENDER_STRANGER = "spender-stranger"
    CONTRACT_WITHOUT_CODE = "contract-without-code"
    WRONG_CHAIN = "wrong-chain"
    DELEGATECALL = "delegatecall"
    DELEGATED = "delegated"
    DOMAIN_CHAIN = "domain-chain"
    DOMAIN_WITHOUT_CHAIN = "domain-without-chain"
    PERMIT2_IMITATED = "permit2-imitated"
    NOT_SIMULATED = "not-simulated"
    WOULD_FAIL = "would-fail"
    GRANT_HIDDEN = "grant-hidden"
    HANDS_OVER = "hands-over"
    NODES_DISAGREE = "nodes-disagree"
    TOKEN_NEVER_HANDLED = "token-never-handled"  # noqa: S105  # the name of a warning


WORDED = frozenset({Caution.CALL_UNKNOWN, Caution.SIGN_IN_ELSEWHERE, Caution.TOO_LONG, Caution.HANDS_OVER})
"""Nothing that has one of these is signed before a word was typed."""


class Refusal(StrEnum):
    """Why what a dApp asks for is never signed, whatever the person says."""

    LEDGER_DOMAIN = "ledger-domain"
    SERVER_SIGN_IN = "server-sign-in"
    DELEGATION = "delegation"


_KINDS = {
    Title.SIGN_IN: "siwe",
    Title.MESSAGE: "sign_message",
    Title.TYPED_DATA: "sign_typed_data",
    Title.PERMIT: "sign_typed_data",
}
_KINDS |= dict.fromkeys((Title.SEND, Title.CALL, Title.CONTRACT_CALL, Title.ALLOW), "send_transaction")
_KINDS |= {Title.CONNECT: "connect", Title.CALLS: "send_calls", Title.ADD_CHAIN: "add_chain"}
_KINDS |= {Title.SWITCH_CHAIN: "switch_chain", Title.WATCH_ASSET: "watch_asset"}


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
    """What the person's own files know about the chain side: lists, contacts, own addresses; `names` by address.

    `descriptors` are those that ship with the client (`wallet.purse.DESCRIPTORS`).
    """

    tokens: TokenList
    own: frozenset[Address] = frozenset()
    met: frozenset[Address] = frozenset()
    networks: Mapping[int, str] = field(default_factory=dict)
    names: Mapping[Address, str] = field(default_factory=dict)
    descriptors: Sequence[Descriptor] = ()

    def is_stranger(self, address: Address) -> bool:
        """Neither the person's own nor anybody they paid or named."""
        return not (address in self.own or address in self.met or address in self.names)

    def is_imitation(self, address: Address) -> bool:
        """Another address than those that are known, but one that could be taken for one of them."""
        if address in self.own or address in self.met or address in self.names:
            return False
        return any(_ends_like(address, pool) for pool in (self.own, self.met, frozenset(self.names)))


def looks_alike(address: Address, others: Iterable[Address]) -> bool:
    """Same first or last four digits as another that is known, but another address: how poisoning works."""
    pool = frozenset(others)
    return address not in pool and _ends_like(address, pool)


def _ends_like(address: Address, pool: frozenset[Address]) -> bool:
    near = address.lower()
    return not _ends_of(pool).isdisjoint((near[:6], near[-4:]))


@lru_cache(maxsize=16)
def _ends_of(pool: frozenset[Address]) -> frozenset[str]:
    """First digits (with their 0x) and last digits: one look-up each, however many are known."""
    return frozenset(end for address in pool for end in (address.lower()[:6], address.lower()[-4:]))


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
