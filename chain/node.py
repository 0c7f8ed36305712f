"""A JSON-RPC node: asking, preparing transactions, sending them and waiting for them.

Any node of the execution API's specification works, the server's relay too. A node is believed about the chain's
state (there is no light client here), never about what a transaction would do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

from web3 import AsyncWeb3

from chain.address import Address
from chain.block import Block, Log, Receipt, listed, members
from chain.erc20 import Erc20Method, balance_of, decode_balance, decode_erc20
from chain.errors import (
    AnswerMalformed,
    GasMissing,
    InsufficientNative,
    InsufficientToken,
    NodeError,
    NodeRefused,
    TokenWithoutCode,
    TransactionMalformed,
    TransactionUnseen,
    WrongChain,
    WrongGenesis,
)
from chain.fees import BLOCKS, FEE_CAP, PERCENTILES, FeeHistory, Fees, Speed, fees_of, price_of
from chain.keccak import keccak256
from chain.node_pool import FailoverProvider
from chain.node_provider import ANSWER_BYTES_MAX, BoundedProvider, Call
from chain.quantity import data, quantity, to_hex
from chain.token import Token, TokenAmount
from chain.transaction import TRANSFER_GAS, TransactionRequest, TransactionType

POLL_SECONDS_MAX = 2.0

BlockTag = int | str


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """Which chain answers. Test chains share an id; the first block's hash tells them apart, restarts too."""

    chain_id: int
    genesis_hash: bytes


class Node:
    """One node at one URL. `chain_id` is what `prepare` and `check` insist on; None takes any.

    With `others`, further URLs of the same chain (whose id must be given then), the next is asked where one fails.

    Every method may raise NodeUnreachable, NodeRefused, AnswerTooLarge, AnswerMalformed.
    """

    def __init__(
        self,
        url: str,
        chain_id: int | None = None,
        *,
        others: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 20,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
        fee_cap: int = FEE_CAP,
    ) -> None:
        self.url = url
        self.chain_id = chain_id
        self.fee_cap = fee_cap
        self.provider = BoundedProvider(url, headers, timeout_seconds, answer_bytes_max)
        if others:
            assert chain_id is not None, "several URLs are of a chain that is known"
            urls = (url, *others)
            self.provider = FailoverProvider(urls, chain_id, headers, timeout_seconds, answer_bytes_max)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.provider.disconnect()

    def distrust(self, error: NodeError) -> None:
        """What it answered cannot be: where there are several nodes behind this one, the next is asked."""
        self.provider.distrust(error)

    @cached_property
    def web3(self) -> AsyncWeb3[BoundedProvider]:
        """The same node for whatever this class has no method for, within the same bounds."""
        return AsyncWeb3(self.provider)

    async def call(self, method: str, params: Sequence[object] = ()) -> object:
        """One JSON-RPC method's result."""
        return (await self.batch([(method, params)]))[0]

    async def outcomes(self, calls: Sequence[Call]) -> list[object | NodeRefused]:
        """Many at once; a refusal stands in its place instead of being raised."""
        return await self.provider.outcomes(calls)

    async def batch(self, calls: Sequence[Call]) -> list[object]:
        """Many at once; the first refusal is raised."""
        found = await self.provider.outcomes(calls)
        for outcome in found:
            if isinstance(outcome, NodeRefused):
                raise outcome
        return found

    async def identity(self) -> NodeIdentity:
        chain_id, first = await self.batch([("eth_chainId", ()), ("eth_getBlockByNumber", ("0x0", False))])
        return NodeIdentity(quantity(chain_id, 63), Block.parse(first).hash)

    async def check(self, genesis_hash: bytes | None = None) -> NodeIdentity:
        """Raises WrongChain, WrongGenesis where another chain answers than expected."""
        identity = await self.identity()
        self._check_chain(identity.chain_id, self.chain_id)
        if genesis_hash is not None and identity.genesis_hash != genesis_hash:
            raise WrongGenesis(to_hex(genesis_hash), to_hex(identity.genesis_hash))
        return identity

    async def height(self) -> int:
        return quantity(await self.call("eth_blockNumber"), 63)

    async def latest(self) -> Block:
        """The block at the head, without its transactions."""
        return Block.parse(await self.call("eth_getBlockByNumber", ("latest", False)))

    async def blocks(self, numbers: Sequence[int], full: bool = False) -> list[Block | None]:
        """None where the chain has no such block (yet, or any more)."""
        found = await self.batch([("eth_getBlockByNumber", (hex(number), full)) for number in numbers])
        blocks = [None if answer is None else Block.parse(answer) for answer in found]
        if any(b is not None and b.number != number for b, number in zip(blocks, numbers, strict=True)):
            raise AnswerMalformed("another block than asked for")
        return blocks

    async def logs(self, query: Mapping[str, object]) -> list[Log]:
        """Of an eth_getLogs filter object."""
        return [Log.parse(log) for log in listed(await self.call("eth_getLogs", [dict(query)]), 100_000)]

    async def code_at(self, address: Address) -> bytes:
        return data(await self.call("eth_getCode", (address, "latest")))

    async def read(self, to: Address, calldata: bytes, block: BlockTag = "latest") -> bytes:
        """What a contract's view function answers. Raises ExecutionReverted; no code answers with no bytes."""
        return data(await self.call(*_read(to, calldata, block)))

    async def reads(
        self, views: Sequence[tuple[Address, bytes]], block: BlockTag = "latest"
    ) -> list[bytes | NodeRefused]:
        """Many views in one batch."""
        found = await self.outcomes([_read(to, calldata, block) for to, calldata in views])
        return [answer if isinstance(answer, NodeRefused) else data(answer) for answer in found]

    async def balances(
        self, owner: Address, tokens: Sequence[Token], block: BlockTag = "latest"
    ) -> list[TokenAmount | None]:
        """One batch, in the order of `tokens`, native or not; None where a token's contract does not answer."""
        found = await self.outcomes([_balance(owner, token, block) for token in tokens])
        return [_amount(answer, token) for answer, token in zip(found, tokens, strict=True)]

    async def fees(self, speed: Speed = Speed.NORMAL, cap: int | None = None) -> Fees | None:
        """What the next block asks for; None where the chain knows one price (`gas_price`). Raises FeeTooHigh."""
        (history,) = await self.outcomes([_FEE_HISTORY])
        return await self._fees(history, speed, self.fee_cap if cap is None else cap)

    async def gas_price(self, speed: Speed = Speed.NORMAL, cap: int | None = None) -> int:
        """Of a chain without EIP-1559. Raises FeeTooHigh."""
        return price_of(quantity(await self.call("eth_gasPrice")), speed, self.fee_cap if cap is None else cap)

    async def prepare(
        self, request: TransactionRequest, speed: Speed = Speed.NORMAL, fee_cap: int | None = None
    ) -> TransactionRequest:
        """Fills in nonce, fees and gas, in one batch; what is set already stays. Needs `request.sender`.

        On a chain without EIP-1559 an ordinary transaction becomes a legacy one, or one with an access list.

        Raises WrongChain, FeeTooHigh, InsufficientNative, InsufficientToken, TokenWithoutCode, ExecutionReverted.
        """
        if request.sender is None:
            raise TransactionMalformed("no sender")
        spent = _spent_token(request)
        found = await self.outcomes(
            [
                ("eth_chainId", ()),
                ("eth_getTransactionCount", (request.sender, "pending")),
                _FEE_HISTORY,
                ("eth_getBalance", (request.sender, "latest")),
                ("eth_estimateGas", (_estimated(request),)),
                *([("eth_getCode", (request.to, "latest"))] if spent is not None else []),
                *([_read(spent[0], balance_of(spent[1]), "latest")] if spent is not None else []),
            ]
        )
        chain_id, nonce, history, balance, gas, *token = found
        self._check_chain(quantity(_given(chain_id), 63), request.chain_id)
        if spent is not None:
            _check_token(spent, *token)
        available = quantity(_given(balance))
        priced = await self._priced(request, history, speed, self.fee_cap if fee_cap is None else fee_cap)
        max_fee = priced.max_fee_per_gas or 0
        prepared = replace(
            priced,
            nonce=request.nonce if request.nonce is not None else quantity(_given(nonce), 64),
            gas=request.gas if request.gas is not None else _gas(request, gas, available, max_fee),
        )
        if available < request.value + prepared.fee_max:
            raise _missing(available, request.value, prepared.fee_max)
        return prepared

    async def send_raw(self, raw: bytes) -> bytes:
        """The transaction's hash. Sending what the node knows already is no error."""
        transaction_hash = keccak256(raw)
        try:
            answer = await self.call("eth_sendRawTransaction", [to_hex(raw)])
        except NodeRefused:
            if await self.call("eth_getTransactionByHash", [to_hex(transaction_hash)]) is None:
                raise
            return transaction_hash
        if data(answer, 32) != transaction_hash:
            raise AnswerMalformed("the hash of something else")
        return transaction_hash

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """None as long as no block includes it."""
        answer = await self.call("eth_getTransactionReceipt", [to_hex(transaction_hash)])
        return None if answer is None else Receipt.parse(answer)

    async def wait_for_receipt(self, transaction_hash: bytes, timeout_seconds: float = 60) -> Receipt:
        """Raises TransactionUnseen; a reverted transaction has a receipt too, look at `succeeded`."""
        began, pause = time.monotonic(), 0.02
        while (receipt := await self.receipt(transaction_hash)) is None:
            if time.monotonic() - began + pause > timeout_seconds:
                raise TransactionUnseen(to_hex(transaction_hash), timeout_seconds)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, POLL_SECONDS_MAX)
        return receipt

    async def _priced(
        self, request: TransactionRequest, history: object | NodeRefused, speed: Speed, cap: int
    ) -> TransactionRequest:
        """With its fees, in the type that the chain takes."""
        max_fee, priority = request.max_fee_per_gas, request.max_priority_fee_per_gas
        fees = await self._fees(history, speed, cap)
        if fees is None:
            price = await self.gas_price(speed, cap) if max_fee is None else max_fee
            return replace(_with_one_price(request), max_fee_per_gas=price, max_priority_fee_per_gas=price)
        if request.type.has_one_price:
            price = max_fee if max_fee is not None else fees.one_price
            return replace(request, max_fee_per_gas=price, max_priority_fee_per_gas=price)
        highest = max_fee if max_fee is not None else max(fees.max_fee_per_gas, priority or 0)
        tip = priority if priority is not None else min(fees.priority, highest)
        return replace(request, max_fee_per_gas=highest, max_priority_fee_per_gas=tip)

    async def _fees(self, history: object | NodeRefused, speed: Speed, cap: int) -> Fees | None:
        """None where blocks have no base fee; a node may not know the question there, or answer it with nothing."""
        if not isinstance(history, NodeRefused):
            parsed = FeeHistory.parse(history)
            if parsed.base:
                return fees_of(parsed, speed, cap)
        latest = members(await self.call("eth_getBlockByNumber", ("latest", False)))
        if latest.get("baseFeePerGas") is None:
            return None
        return fees_of(FeeHistory.parse(_given(history)), speed, cap)

    def _check_chain(self, actual: int, *expected: int | None) -> None:
        for chain_id in (self.chain_id, *expected):
            if chain_id is not None and chain_id != actual:
                raise WrongChain(chain_id, actual)


_FEE_HISTORY: Call = ("eth_feeHistory", (hex(BLOCKS), "latest", list(PERCENTILES)))


def _tag(block: BlockTag) -> str:
    return hex(block) if isinstance(block, int) else block


def _read(to: Address, calldata: bytes, block: BlockTag) -> Call:
    return "eth_call", ({"to": to, "data": to_hex(calldata)}, _tag(block))


def _balance(owner: Address, token: Token, block: BlockTag) -> Call:
    if token.address is None:
        return "eth_getBalance", (owner, _tag(block))
    return _read(token.address, balance_of(owner), block)


def _amount(answer: object | NodeRefused, token: Token) -> TokenAmount | None:
    if token.address is None:
        return TokenAmount(quantity(_given(answer)), token)
    try:
        return TokenAmount(decode_balance(data(_given(answer))), token)
    except (NodeRefused, AnswerMalformed):
        return None


def _given(answer: object | NodeRefused) -> object:
    if isinstance(answer, NodeRefused):
        raise answer
    return answer


def _with_one_price(request: TransactionRequest) -> TransactionRequest:
    if not request.type.has_one_price and request.type is not TransactionType.DYNAMIC_FEE:
        raise TransactionMalformed("the chain knows no transactions of this type")
    kind = TransactionType.ACCESS_LIST if request.access_list else TransactionType.LEGACY
    return replace(request, type=kind, max_fee_per_gas=None, max_priority_fee_per_gas=None)


def _estimated(request: TransactionRequest) -> dict[str, object]:
    """Without fees and nonce, so that an account that cannot pay them still gets its estimate."""
    return replace(request, nonce=None, max_fee_per_gas=None, max_priority_fee_per_gas=None, gas=None).to_rpc()


def _spent_token(request: TransactionRequest) -> tuple[Address, Address, int] | None:
    """Token, sender and units, where the call is an ERC-20 transfer."""
    call = decode_erc20(request.data)
    if call is None or call.method is not Erc20Method.TRANSFER or request.to is None or request.sender is None:
        return None
    return request.to, request.sender, call.units


def _check_token(spent: tuple[Address, Address, int], code: object, balance: object) -> None:
    token, _, units = spent
    if not data(_given(code)):
        raise TokenWithoutCode(token)
    available = decode_balance(data(_given(balance)))
    if available < units:
        raise InsufficientToken(token, available, units)


def _missing(available: int, value: int, fee: int) -> InsufficientNative:
    return InsufficientNative(available, value, fee) if value else GasMissing(available, value, fee)


def _gas(request: TransactionRequest, estimate: object | NodeRefused, available: int, max_fee: int) -> int:
    """A fifth more than estimated where code runs, since state may change until then."""
    if isinstance(estimate, NodeRefused):
        if available < request.value + TRANSFER_GAS * max_fee:  # nodes say this in words of their own
            raise _missing(available, request.value, TRANSFER_GAS * max_fee) from estimate
        raise estimate
    gas = quantity(estimate, 63)
    return gas if gas == TRANSFER_GAS else gas + gas // 5
