"""Transactions for wallets in other languages: an unsigned transfer to check and sign, and the signed one to send.

Nothing here knows a key. What a wallet signs it has to read from the bytes by itself: `checks` says what, and where in
the transaction each of it stands.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from sqlalchemy import select

from api.errors import SessionRequired, TransactionRefused
from api.fields import Answer, AssetCode, Bytes32, ChainAddress, LongDigits, PathChainId, Strict, raw, spelled
from api.nonces import AHEAD_MAX
from api.routes.addresses import AttestedAddress, attested
from api.routes.problems import PROBLEM
from api.routes.sessions import PerhapsSignedIn
from api.server import Server, ServerHere, Session
from api.tables import addresses
from chain.address import Address
from chain.erc20 import transfer
from chain.errors import FeeTooHigh, NodeRefused
from chain.fees import Speed
from chain.node_receiver import never_handled
from chain.quantity import quantity
from chain.token import TokenAmount
from chain.transaction import SENT_TYPES, SignedTransaction, TransactionRequest
from fiat.errors import AmountNotPositive

router = APIRouter(prefix="/v1/chains/{chain_id}", tags=["chains"], responses=PROBLEM)
TRANSFER_COST, TRANSACTION_COST, HANDLE_COST = 5, 3, 10
RAW_PATTERN = "^0x([0-9a-f]{2})+$"
RAW_CHARACTERS_MAX = 65_000


class TransferRequest(Strict):
    """`to` is an address, or a @handle (which needs a session: the payee sees who asked)."""

    sender: Annotated[ChainAddress, Field(alias="from")]
    to: Annotated[str, Field(pattern="^(0x[0-9a-fA-F]{40}|@[a-z0-9_]{3,32})$", examples=["@bob"])]
    asset: AssetCode
    amount: Annotated[str, Field(min_length=1, max_length=100, examples=["12.5"])]
    speed: Literal["slow", "normal", "fast"] = "normal"
    max_fee_per_gas: LongDigits | None = None


class Check(Answer):
    """A fact that the signer has to find in the bytes before they sign, and where it stands."""

    fact: str = Field(examples=["receiver"])
    value: str = Field(examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"])
    where: str = Field(examples=["data: first argument of transfer(address,uint256)"])


class TransferAnswer(Answer):
    """`transaction` as JSON-RPC spells it, `payload` the same as the bytes whose keccak256 (`digest`) is signed.

    `attestation` is there for a @handle: check it against the root key of that payee before signing.
    """

    chain_id: int = Field(examples=[31337])
    transaction: dict[str, str]
    payload: str = Field(examples=["0x02f0827a69"])
    digest: Bytes32
    nonce_taken: bool
    checks: list[Check]
    warnings: list[Literal["token-never-handled"]]
    attestation: AttestedAddress | None


class TransactionRaw(Strict):
    raw: Annotated[str, Field(pattern=RAW_PATTERN, max_length=RAW_CHARACTERS_MAX, examples=["0x02f86f827a69"])]


class TransactionAnswer(Answer):
    """The same for the same bytes, whenever they are sent. What became of it: eth_getTransactionReceipt."""

    chain_id: int = Field(examples=[31337])
    transaction: Bytes32
    sender: ChainAddress
    nonce: str = Field(examples=["7"])
    type: int = Field(examples=[2])


@router.post("/transfers")
async def transfers(
    chain_id: PathChainId, body: TransferRequest, session: PerhapsSignedIn, server: ServerHere, request: Request
) -> TransferAnswer:
    """An unsigned transfer of a listed asset, with fees and nonce. Nothing is sent.

    Signed in as the owner of `from`, its nonce is yours for two minutes: asked for many at once, each is another one.
    """
    server.check_chain(chain_id)
    server.limit(request, HANDLE_COST if body.to.startswith("@") else TRANSFER_COST)
    token, sender = server.token(body.asset), Address(body.sender)
    amount = TokenAmount.parse(body.amount, token)
    if amount.units == 0:
        raise AmountNotPositive(body.amount)
    proof = await _proof(server, session, body, chain_id)
    receiver = Address(body.to if proof is None else proof.address)
    prepared = await _prepared(server, transfer(amount, receiver, sender), body)
    is_owner = session is not None and await _owns(server, session, chain_id, sender)
    if is_owner:
        assert prepared.nonce is not None
        prepared = replace(prepared, nonce=await server.nonces.take(sender, prepared.nonce, server.clock))
    return TransferAnswer(
        chain_id=chain_id,
        transaction=_spelt(prepared),
        payload=spelled(prepared.unsigned_payload),
        digest=spelled(prepared.signing_hash),
        nonce_taken=is_owner,
        checks=checks_of(prepared, amount, receiver),
        warnings=["token-never-handled"] if await never_handled(server.node, token, receiver) else [],
        attestation=proof,
    )


@router.post("/transactions")
async def transactions(
    chain_id: PathChainId, body: TransactionRaw, server: ServerHere, request: Request
) -> TransactionAnswer:
    """Sends a signed transaction, once. The same bytes again get the same answer; a node that lost them gets them."""
    server.check_chain(chain_id)
    server.limit(request, TRANSACTION_COST)
    signed = SignedTransaction.decode(raw(body.raw))
    check_signed(signed, chain_id, server.node.fee_cap)
    nonce = signed.request.nonce
    assert nonce is not None
    if not await _is_known(server, signed):
        try:
            await _send(server, signed, nonce)
        except TransactionRefused:
            if not await _is_known(server, signed):  # the same bytes were sent at the same time: theirs is the answer
                raise
    return TransactionAnswer(
        chain_id=chain_id,
        transaction=signed.hash_hex,
        sender=signed.sender,
        nonce=str(nonce),
        type=int(signed.request.type),
    )


async def _is_known(server: Server, signed: SignedTransaction) -> bool:
    return await server.node.call("eth_getTransactionByHash", [signed.hash_hex]) is not None


async def _send(server: Server, signed: SignedTransaction, nonce: int) -> None:
    """Raises TransactionRefused."""
    await _check_nonce(server, signed, nonce)
    try:
        await server.node.send_raw(signed.raw)
    except NodeRefused as error:
        raise TransactionRefused("node", message=error.message[:200]) from None
    await server.nonces.keep(signed.sender, nonce, server.clock)


def check_signed(signed: SignedTransaction, chain_id: int, fee_cap: int) -> None:
    """What is refused whoever signed it. Raises TransactionRefused."""
    request = signed.request
    if request.chain_id != chain_id:
        raise TransactionRefused("wrong_chain", chain_id=request.chain_id, expected=chain_id)
    if request.type not in SENT_TYPES:
        raise TransactionRefused("type_not_sent", transaction_type=int(request.type))
    if any(word.chain_id == 0 for word in request.authorizations):
        raise TransactionRefused("authorization_everywhere")
    if request.max_fee_per_gas is None or request.max_fee_per_gas > fee_cap:
        raise TransactionRefused("fee_above_cap", max_fee_per_gas=str(request.max_fee_per_gas), cap=str(fee_cap))


def checks_of(request: TransactionRequest, amount: TokenAmount, receiver: Address) -> list[Check]:
    """Everything that a signer has to find in the bytes."""
    token, price = amount.token, "gasPrice" if request.type.has_one_price else "maxFeePerGas"
    call = "argument of transfer(address,uint256)"
    where = ("to", "value") if token.address is None else (f"data: first {call}", f"data: second {call}")
    found = [
        Check(fact="chain", value=str(request.chain_id), where="chainId"),
        Check(fact="sender", value=str(request.sender), where="the key that signs"),
        Check(fact="receiver", value=receiver, where=where[0]),
        Check(fact="amount_units", value=str(amount.units), where=where[1]),
        Check(fact="amount", value=str(amount), where=f"amount_units with {token.decimals} decimals, by your own list"),
    ]
    if token.address is not None:
        found.append(Check(fact="contract", value=token.address, where="to, by your own list"))
        found.append(Check(fact="value", value="0", where="value"))
    return [
        *found,
        Check(fact="nonce", value=str(request.nonce), where="nonce"),
        Check(fact="fee_max_wei", value=str(request.fee_max), where=f"gas times {price}"),
        Check(fact="total_max_wei", value=str(request.value + request.fee_max), where="value and the highest fee"),
    ]


async def _proof(
    server: Server, session: Session | None, body: TransferRequest, chain_id: int
) -> AttestedAddress | None:
    """Where a @handle receives, as its root key attested it. Raises SessionRequired, NotFound."""
    if not body.to.startswith("@"):
        return None
    if session is None:
        raise SessionRequired
    return await attested(server, session, body.to[1:], chain_id, body.asset)


async def _prepared(server: Server, request: TransactionRequest, body: TransferRequest) -> TransactionRequest:
    cap = server.node.fee_cap if body.max_fee_per_gas is None else int(body.max_fee_per_gas)
    try:
        return await server.node.prepare(request, Speed(body.speed), min(cap, server.node.fee_cap))
    except FeeTooHigh as error:
        if body.max_fee_per_gas is None:
            raise
        needed = str(error.max_fee_per_gas)
        raise TransactionRefused("fee_above_cap", max_fee_per_gas=needed, cap=str(error.cap)) from None


async def _owns(server: Server, session: Session, chain_id: int, account: Address) -> bool:
    query = select(addresses.c.holder).where(addresses.c.chain_id == chain_id, addresses.c.address == account.raw)
    async with server.engine.connect() as conn:
        return bool(await conn.scalar(query) == session.holder)


async def _check_nonce(server: Server, signed: SignedTransaction, nonce: int) -> None:
    """Neither used nor out of reach. Raises TransactionRefused."""
    mined = quantity(await server.node.call("eth_getTransactionCount", [signed.sender, "latest"]), 63)
    if nonce < mined:
        raise TransactionRefused("nonce_used", nonce=str(nonce), expected=str(mined))
    if nonce > mined + AHEAD_MAX:
        raise TransactionRefused("nonce_far", nonce=str(nonce), expected=str(mined))


def _spelt(request: TransactionRequest) -> dict[str, str]:
    """As JSON-RPC and wallets' libraries take it."""
    fields = {name: str(value) for name, value in request.to_rpc().items()}
    return {"type": hex(request.type), "chainId": hex(request.chain_id), "data": "0x", **fields}
