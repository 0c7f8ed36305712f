"""What others may still take of an account: of a token itself, of a whole collection, and through Permit2, which keeps
allowances of its own inside the one that a token gave it. By the node's logs, and the contracts' answers now.

All of it is the node's claim. What could really be taken is the smaller of what is allowed and what is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chain.address import Address
from chain.block import Log
from chain.calldata import decode, encode_call
from chain.erc20 import balance_of, decode_uint
from chain.errors import AnswerMalformed, CalldataMalformed, NodeRefused
from chain.keccak import keccak256
from chain.node import Node
from chain.token import UNITS_MAX, Token, TokenAmount
from chain.token_list import TokenList
from wallet.errors import InputMalformed
from wallet.review_effects import PERMIT2

APPROVAL_TOPIC = keccak256(b"Approval(address,address,uint256)")
APPROVAL_FOR_ALL_TOPIC = keccak256(b"ApprovalForAll(address,address,bool)")
PERMIT2_TOPICS = (
    keccak256(b"Approval(address,address,address,uint160,uint48)"),
    keccak256(b"Permit(address,address,address,uint160,uint48,uint48)"),
)
ALLOWANCES_MAX = 500
LOG_BLOCKS, RANGES_MAX = 1000, 1000
"""A range that relays take, and how many of them are asked for."""
_INNER_MAX = 2**160 - 1
_ALLOWANCE, _IS_ALL = "allowance(address,address)", "isApprovedForAll(address,address)"
_INNER, _LOCKDOWN = "allowance(address,address,address)", "lockdown((address,address)[])"

_View = tuple[Address, bytes]


@dataclass(frozen=True, slots=True)
class Given:
    """An allowance that was given at some time. `via` is Permit2 where that keeps it; `is_all`: a whole collection."""

    token: Address
    spender: Address
    is_all: bool = False
    via: Address | None = None

    def view(self, owner: Address) -> _View:
        """What to ask the contract that keeps it."""
        if self.via is not None:
            return self.via, encode_call(_INNER, owner, self.token, self.spender)
        return self.token, encode_call(_IS_ALL if self.is_all else _ALLOWANCE, owner, self.spender)

    def taken_back(self) -> _View:
        """The call by which nothing may be taken any more, and where it goes."""
        if self.via is not None:
            return self.via, encode_call(_LOCKDOWN, [(self.token, self.spender)])
        if self.is_all:
            return self.token, encode_call("setApprovalForAll(address,bool)", self.spender, False)
        return self.token, encode_call("approve(address,uint256)", self.spender, 0)


@dataclass(frozen=True, slots=True)
class Allowance:
    """`units` that `spender` may take; None where it may take everything of a collection (ERC-721, ERC-1155).

    `ends` (Unix seconds) only where the allowance has an end. `at_risk_units` is what could be taken now, None where
    that is not told.
    """

    owner: Address
    given: Given
    units: int | None
    listed: Token | None
    ends: int | None = None
    at_risk_units: int | None = None

    @property
    def is_boundless(self) -> bool:
        """More than anybody has."""
        most = _INNER_MAX if self.given.via is not None else UNITS_MAX // 2
        return self.units is not None and self.units >= most

    @property
    def shown(self) -> str:
        """In the listed token's own unit; "" for what has none."""
        return "" if self.units is None or self.is_boundless else self._amount(self.units)

    @property
    def at_risk(self) -> str:
        return "" if self.at_risk_units is None else self._amount(self.at_risk_units)

    def _amount(self, units: int) -> str:
        return "" if self.listed is None else TokenAmount(units, self.listed).format()


async def read_allowances(
    node: Node, chain_id: int, owner: Address, tokens: TokenList, from_block: int = 0
) -> list[Allowance]:
    """What others may still take, by the logs since `from_block`. One that has ended, or is nothing, is left out."""
    logs = await _approvals(node, owner, from_block)
    given = list(dict.fromkeys(one for log in logs if (one := _given(log)) is not None))[-ALLOWANCES_MAX:]
    answers = await node.reads([one.view(owner) for one in given])
    now = (await node.latest()).timestamp
    found = []
    for one, answer in zip(given, answers, strict=True):
        units, ends = _told(one, answer)
        if units and (ends is None or ends >= now):
            listed = tokens.by_address(chain_id, one.token)
            found.append(Allowance(owner, one, None if one.is_all else units, listed, ends))
    return await _with_risk(node, owner, found)


def _given(log: Log) -> Given | None:
    """What a log gave; None for one of another shape (an ERC-721 piece, a contract that only imitates Permit2)."""
    topic = log.topics[0]
    if topic in PERMIT2_TOPICS:
        whole = len(log.topics) == 4 and log.address == PERMIT2
        return Given(_party(log.topics[2]), _party(log.topics[3]), via=PERMIT2) if whole else None
    return Given(log.address, _party(log.topics[2]), topic == APPROVAL_FOR_ALL_TOPIC) if len(log.topics) == 3 else None


def _told(given: Given, answer: bytes | NodeRefused) -> tuple[int, int | None]:
    """Units and end; nothing for what answers like no such contract."""
    if isinstance(answer, NodeRefused):
        return 0, None
    try:
        if given.via is None:
            return decode_uint(answer), None
        units, ends, _nonce = decode("(uint160,uint48,uint48)", answer)
    except (AnswerMalformed, CalldataMalformed):
        return 0, None
    assert isinstance(units, int) and isinstance(ends, int)
    return units, ends


async def _with_risk(node: Node, owner: Address, found: Sequence[Allowance]) -> list[Allowance]:
    """With what could be taken now: never more than there is, and through Permit2 never more than that may take."""
    tokens = list(dict.fromkeys(one.given.token for one in found if one.units is not None))
    held = await _units(node, tokens, [(token, balance_of(owner)) for token in tokens])
    asked = [(token, encode_call(_ALLOWANCE, owner, PERMIT2)) for token in tokens]
    outer = await _units(node, tokens, asked) if any(one.given.via for one in found) else {}
    return [
        Allowance(one.owner, one.given, one.units, one.listed, one.ends, _at_risk(one, held, outer)) for one in found
    ]


def _at_risk(one: Allowance, held: dict[Address, int], outer: dict[Address, int]) -> int | None:
    token = one.given.token
    if one.units is None or token not in held or (one.given.via is not None and token not in outer):
        return None
    return min(one.units, held[token], outer[token] if one.given.via is not None else one.units)


async def _units(node: Node, tokens: Iterable[Address], views: Sequence[_View]) -> dict[Address, int]:
    """A number of each token; one whose contract does not answer is left out."""
    found = {}
    for token, answer in zip(tokens, await node.reads(views), strict=True):
        try:
            found[token] = decode_uint(b"" if isinstance(answer, NodeRefused) else answer)
        except AnswerMalformed:
            continue
    return found


async def _approvals(node: Node, owner: Address, from_block: int) -> list[Log]:
    """Logs in which this account let somebody take something; in short ranges where the node wants those."""
    kinds = ["0x" + topic.hex() for topic in (APPROVAL_TOPIC, APPROVAL_FOR_ALL_TOPIC, *PERMIT2_TOPICS)]
    topics = [kinds, "0x" + owner.raw.rjust(32, b"\0").hex()]
    try:
        return await node.logs({"fromBlock": hex(from_block), "toBlock": "latest", "topics": topics})
    except NodeRefused:
        height = await node.height()
    if (height - from_block) // LOG_BLOCKS > RANGES_MAX:
        raise InputMalformed("block", str(from_block), "the node shows too few blocks at a time: name a later one")
    logs: list[Log] = []
    for start in range(from_block, height + 1, LOG_BLOCKS):
        end = min(start + LOG_BLOCKS - 1, height)
        logs += await node.logs({"fromBlock": hex(start), "toBlock": hex(end), "topics": topics})
    return logs


def _party(topic: bytes) -> Address:
    try:
        return Address.from_bytes(topic[12:])
    except (CalldataMalformed, ValueError):
        raise AnswerMalformed("an address is expected") from None
