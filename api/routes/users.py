"""Accounts: opening one with the wallet's own signatures, and a payee's card."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field
from sqlalchemy import Row, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.contract_keys import SIGNATURE_BYTES_MAX, ContractClaim, final_word
from api.currencies import CURRENCIES
from api.database import recording
from api.errors import HandleInvalid, HandleLooksAlike, HandleTaken, HolderRegistered, NotFound, ProofInvalid
from api.fields import (
    Answer,
    Bytes32,
    ChainAddress,
    ChainId,
    Seconds,
    Signature,
    Strict,
    raw,
    spelled,
)
from api.handles import normal, skeleton
from api.proofs import AccountProof, Registration, check_registration
from api.routes.problems import PROBLEM
from api.server import Server, ServerHere
from api.signed import HeadAnswer, head_answer
from api.tables import addresses, users
from chain.address import Address
from fiat import history
from fiat.errors import OrderMalformed
from fiat.holder import GENESIS_LENGTH, MAIN, HolderGenesis, fingerprint
from fiat.journal_control import ContractKey

router = APIRouter(prefix="/v1/users", tags=["users"], responses=PROBLEM)

HandlePath = Annotated[str, Path(min_length=1, max_length=128, examples=["alice"])]
Genesis = Annotated[str, Field(pattern=f"^0x[0-9a-f]{{{2 * GENESIS_LENGTH}}}$", examples=["0x01" + "ab" * 53])]
ACCOUNTS_MAX = 10
REGISTRATION_COST = 5


class Attestation(Strict):
    """The root key's LedgerAddress signature."""

    valid_before: Seconds
    signature: Signature


class AccountClaim(Strict):
    """A chain account with its own LedgerRegistration signature (its chain id, itself)."""

    chain_id: ChainId
    address: ChainAddress
    signature: Signature
    attestation: Attestation


class ContractKeyClaim(Strict):
    """LedgerKey under the ledger's domain, signed as the contract (the genesis root) demands: ERC-1271."""

    chain_id: ChainId
    key: ChainAddress
    valid_before: Seconds
    signature: Annotated[str, Field(pattern="^0x([0-9a-f]{2})*$", max_length=2 + 2 * SIGNATURE_BYTES_MAX)]


class RegistrationRequest(Strict):
    """`signature` is the root key's LedgerRegistration (chainId 0, account = root); `genesis` the holder's document.

    The root may be a contract: then `contract` names the one key that it authorised, which signs in its place.
    """

    handle: Annotated[str, Field(min_length=1, max_length=128, examples=["alice"])]
    genesis: Genesis
    valid_before: Seconds
    signature: Signature
    accounts: Annotated[list[AccountClaim], Field(max_length=ACCOUNTS_MAX)]
    contract: ContractKeyClaim | None = None


class Card(Answer):
    """What anyone may know of a payee. Check keccak256(genesis) == holder."""

    handle: str = Field(examples=["alice"])
    holder: Bytes32
    fingerprint: str = Field(examples=["3f2a 91c0 77de 0b12"])
    genesis: Genesis
    root_key: ChainAddress


class AccountAnswer(Answer):
    chain_id: int
    address: ChainAddress


class RegistrationAnswer(Card):
    """`blind` lets the holder follow their own chain of records; it is theirs alone.

    It and the head are told once, when the account is opened; afterwards `GET /heads` tells them to a session.
    """

    accounts: list[AccountAnswer]
    blind: Bytes32 | None
    head: HeadAnswer | None


@router.post("", status_code=201, responses={200: {"model": RegistrationAnswer, "description": "Already open"}})
async def register(
    body: RegistrationRequest, server: ServerHere, request: Request, response: Response
) -> RegistrationAnswer:
    """Open an account. The same holder with the same handle gets the same account again (200)."""
    server.limit(request, REGISTRATION_COST)
    claim = _claim(body, server)
    check_registration(claim, server.journal.ledger_id, server.clock // 10**9)
    if claim.genesis.recovery.is_contract != (body.contract is not None):
        raise OrderMalformed("genesis", "says that its root is a contract exactly where `contract` names its key")
    known = await _known(server, claim)
    if body.contract is not None:
        await _open_contract(server, claim, _contract_claim(body.contract))
    else:
        await server.journal.open_holder(claim.genesis, [(CURRENCIES["EUR"], MAIN)])
    if not known:
        known = await _record(server, claim)
    await server.index.watch([account.address for account in claim.accounts])
    response.status_code = 200 if known else 201
    return _known_answer(claim) if known else await _answer(server, claim)


@router.get("/{handle}")
async def card(handle: HandlePath, server: ServerHere) -> Card:
    """A payee's card: handle, holderId, fingerprint; nothing about money."""
    user = await user_of_handle(server, handle)
    return Card(**_card(user.handle, HolderGenesis.parse(user.genesis)))


async def user_of_handle(server: Server, handle: str) -> Row[Any, Any, Any]:
    """The user's row. Raises HandleInvalid, NotFound."""
    query = select(users.c.holder, users.c.handle, users.c.genesis).where(users.c.handle == normal(handle))
    async with server.engine.connect() as conn:
        user = (await conn.execute(query)).one_or_none()
    if user is None:
        raise NotFound("user")
    return user


def _claim(body: RegistrationRequest, server: Server) -> Registration:
    if (handle := normal(body.handle)) != body.handle:
        raise HandleInvalid(f"it is written {handle}")
    for account in body.accounts:
        server.check_chain(account.chain_id)
    return Registration(
        handle=handle,
        genesis=HolderGenesis.parse(raw(body.genesis)),
        valid_before=int(body.valid_before),
        signature=raw(body.signature),
        accounts=[account_proof(account) for account in body.accounts],
        contract_key=None if body.contract is None else Address(body.contract.key).raw,
    )


def account_proof(claim: AccountClaim) -> AccountProof:
    """Raises AddressMalformed, AddressChecksumWrong."""
    return AccountProof(
        chain_id=claim.chain_id,
        address=Address(claim.address),
        signature=raw(claim.signature),
        attestation=raw(claim.attestation.signature),
        attested_until=int(claim.attestation.valid_before),
    )


def _contract_claim(told: ContractKeyClaim) -> ContractClaim:
    """Raises AddressMalformed, AddressChecksumWrong."""
    return ContractClaim(told.chain_id, Address(told.key).raw, int(told.valid_before), raw(told.signature))


async def _open_contract(server: Server, claim: Registration, contract: ContractClaim) -> None:
    """Ask the contract, then write down the holder and the key. Raises ProofInvalid, ControlRefused, NodeError."""
    server.check_chain(contract.chain_id)
    now = server.clock // 10**9
    block_hash = await final_word(server.node, server.journal.ledger_id, claim.genesis, contract, now)
    await server.journal.open_holder(claim.genesis, [(CURRENCIES["EUR"], MAIN)])
    await server.journal.ask(ContractKey(claim.holder, contract.key, contract.chain_id, block_hash))


async def _known(server: Server, claim: Registration) -> bool:
    async with server.engine.connect() as conn:
        return await _is_known(conn, claim)


async def _is_known(conn: AsyncConnection, claim: Registration) -> bool:
    """Is exactly this account open? Raises HolderRegistered, HandleTaken, HandleLooksAlike, ProofInvalid."""
    alike = skeleton(claim.handle)
    query = select(users).where(
        or_(users.c.holder == claim.holder, users.c.handle == claim.handle, users.c.skeleton == alike)
    )
    for user in await conn.execute(query):
        if user.holder == claim.holder:
            if user.handle != claim.handle:
                raise HolderRegistered(user.handle)
            return True
        if user.handle == claim.handle:
            raise HandleTaken(claim.handle)
        raise HandleLooksAlike(claim.handle)
    for account in claim.accounts:
        await check_unclaimed(conn, claim.holder, account)
    return False


async def check_unclaimed(conn: AsyncConnection, holder: bytes, account: AccountProof) -> None:
    """Raises ProofInvalid where the address already receives for another holder."""
    query = select(addresses.c.holder).where(
        addresses.c.chain_id == account.chain_id, addresses.c.address == account.address.raw
    )
    if (await conn.scalar(query)) not in (None, holder):
        raise ProofInvalid(account.address, "this address already belongs to another account")


async def _record(server: Server, claim: Registration) -> bool:
    """Write the user down; true where another request did it first."""
    user = {"holder": claim.holder, "handle": claim.handle, "skeleton": skeleton(claim.handle)}
    now = server.clock
    try:
        async with recording(server.engine).begin() as conn:
            if await _is_known(conn, claim):
                return True
            await conn.execute(insert(users).values(**user, genesis=claim.genesis.document, created_at=now))
            for account in claim.accounts:
                await conn.execute(insert(addresses).values(**address_row(claim.holder, account, now)))
    except IntegrityError:  # someone else took handle, look-alike or address between the look and the write
        async with server.engine.connect() as conn:
            if not await _is_known(conn, claim):
                raise
        return True
    return False


def address_row(holder: bytes, account: AccountProof, now: int) -> dict[str, object]:
    return {
        "chain_id": account.chain_id,
        "address": account.address.raw,
        "holder": holder,
        "valid_before": account.attested_until,
        "signature": account.attestation,
        "created_at": now,
    }


def _known_answer(claim: Registration) -> RegistrationAnswer:
    """What whoever has a copy of the registration may be told: nothing that it does not say itself."""
    accounts = [AccountAnswer(chain_id=a.chain_id, address=a.address) for a in claim.accounts]
    return RegistrationAnswer(**_card(claim.handle, claim.genesis), accounts=accounts, blind=None, head=None)


async def _answer(server: Server, claim: Registration) -> RegistrationAnswer:
    head = await server.journal.signed_head(claim.holder)
    async with server.engine.connect() as conn:
        holder = await history.holder(conn, claim.holder)
    assert holder is not None, "it was opened just now"
    return RegistrationAnswer(
        **_card(claim.handle, claim.genesis),
        accounts=[AccountAnswer(chain_id=a.chain_id, address=a.address) for a in claim.accounts],
        blind=spelled(holder.blind),
        head=head_answer(head),
    )


def _card(handle: str, genesis: HolderGenesis) -> dict[str, str]:
    return {
        "handle": handle,
        "holder": spelled(genesis.holder_id),
        "fingerprint": fingerprint(genesis.holder_id),
        "genesis": spelled(genesis.document),
        "root_key": Address.from_bytes(genesis.root),
    }
