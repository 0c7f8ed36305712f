"""Where people receive tokens: their own chain accounts, and the attested address that a payer asks for."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import Field
from sqlalchemy import delete, insert, select

from api.auth import rfc3339
from api.database import recording
from api.errors import NotFound
from api.fields import (
    Answer,
    AssetCode,
    Bytes32,
    ChainAddress,
    ChainId,
    PathChainId,
    Seconds,
    Signature,
    Strict,
    Time,
    raw,
    spelled,
)
from api.proofs import AccountProof, check_account
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.routes.users import AccountAnswer, Attestation, HandlePath, address_row, check_unclaimed, user_of_handle
from api.server import Server, ServerHere, Session
from api.tables import address_requests, addresses, users
from chain.address import Address
from fiat.holder import HolderGenesis

router = APIRouter(prefix="/v1", tags=["addresses"], responses=PROBLEM)
REQUESTS_SHOWN_MAX = 100
REQUEST_COST = 10


class AddressRequest(Strict):
    chain_id: ChainId
    asset: AssetCode


class AttestationAnswer(Answer):
    """The root key's LedgerAddress signature over (holder, chain id, address, valid_before)."""

    valid_before: Seconds
    signature: Signature


class AttestedAddress(Answer):
    """Check the attestation against the root key of the payee's genesis document before paying."""

    handle: str = Field(examples=["bob"])
    holder: Bytes32
    chain_id: int
    asset: str
    address: ChainAddress
    attestation: AttestationAnswer


class OwnAccount(Strict):
    """`signature` is the account's own LedgerRegistration (its chain id, itself) with `valid_before`."""

    valid_before: Seconds
    signature: Signature
    attestation: Attestation


class OwnAddress(Answer):
    chain_id: int
    address: ChainAddress
    attested_until: Time


class AskedBy(Answer):
    """Who asked for an address, and which one they were given."""

    by: str = Field(examples=["alice"])
    chain_id: int
    asset: str
    address: ChainAddress
    at: Time


class OwnAddresses(Answer):
    addresses: list[OwnAddress]
    requests: list[AskedBy]


@router.post("/users/{handle}/address")
async def receiving_address(
    handle: HandlePath, body: AddressRequest, session: SignedIn, server: ServerHere, request: Request
) -> AttestedAddress:
    """A receiving address of the payee, attested by their root key. The payee sees who asked."""
    server.limit(request, REQUEST_COST)
    return await attested(server, session, handle, body.chain_id, body.asset)


async def attested(server: Server, session: Session, handle: str, chain_id: int, symbol: str) -> AttestedAddress:
    """An address of the payee; that it was asked for, and by whom, is kept. Raises NotFound."""
    server.check_chain(chain_id)
    asset, payee, now = server.token(symbol).symbol, await user_of_handle(server, handle), server.clock
    query = (
        select(addresses)
        .where(addresses.c.holder == payee.holder, addresses.c.chain_id == chain_id)
        .where(addresses.c.valid_before > now // 10**9)
        .order_by(addresses.c.created_at, addresses.c.address)
        .limit(1)
    )
    async with recording(server.engine).begin() as conn:
        found = (await conn.execute(query)).one_or_none()
        if found is None:
            raise NotFound("address")
        asked = {"id": secrets.token_bytes(16), "payee": payee.holder, "payer": session.holder, "asset": asset}
        where = {"chain_id": chain_id, "address": found.address, "created_at": now}
        await conn.execute(insert(address_requests).values(**asked, **where))
    return AttestedAddress(
        handle=payee.handle,
        holder=spelled(payee.holder),
        chain_id=chain_id,
        asset=asset,
        address=Address.from_bytes(found.address),
        attestation=AttestationAnswer(valid_before=str(found.valid_before), signature=spelled(found.signature)),
    )


@router.put("/addresses/{chain_id}/{address}")
async def put_address(
    chain_id: PathChainId,
    address: Annotated[ChainAddress, Path()],
    body: OwnAccount,
    session: SignedIn,
    server: ServerHere,
) -> AccountAnswer:
    """Add a chain account of one's own, or renew its attestation."""
    server.check_chain(chain_id)
    proof = AccountProof(
        chain_id=chain_id,
        address=Address(address),
        signature=raw(body.signature),
        attestation=raw(body.attestation.signature),
        attested_until=int(body.attestation.valid_before),
    )
    now = server.clock
    root = await _root(server, session)
    ledger_id, valid_before = server.journal.ledger_id, int(body.valid_before)
    check_account(session.holder, session.handle, root, proof, valid_before, ledger_id, now // 10**9)
    async with recording(server.engine).begin() as conn:
        await check_unclaimed(conn, session.holder, proof)
        same = (addresses.c.chain_id == chain_id, addresses.c.address == proof.address.raw)
        created_at = await conn.scalar(select(addresses.c.created_at).where(*same))
        await conn.execute(delete(addresses).where(*same, addresses.c.holder == session.holder))
        await conn.execute(insert(addresses).values(**address_row(session.holder, proof, created_at or now)))
    await server.index.watch([proof.address])
    server.holdings.forget(session.holder)
    return AccountAnswer(chain_id=chain_id, address=proof.address)


@router.get("/addresses")
async def own_addresses(session: SignedIn, server: ServerHere) -> OwnAddresses:
    """One's own chain accounts, and who asked for one of them lately."""
    asked = (
        select(address_requests, users.c.handle)
        .join(users, users.c.holder == address_requests.c.payer)
        .where(address_requests.c.payee == session.holder)
        .order_by(address_requests.c.created_at.desc())
        .limit(REQUESTS_SHOWN_MAX)
    )
    async with server.engine.connect() as conn:
        rows = (await conn.execute(_own(session.holder))).all()
        requests = (await conn.execute(asked)).all()
    return OwnAddresses(
        addresses=[
            OwnAddress(
                chain_id=row.chain_id,
                address=Address.from_bytes(row.address),
                attested_until=rfc3339(row.valid_before * 10**9),
            )
            for row in rows
        ],
        requests=[
            AskedBy(
                by=row.handle,
                chain_id=row.chain_id,
                asset=row.asset,
                address=Address.from_bytes(row.address),
                at=rfc3339(row.created_at),
            )
            for row in requests
        ],
    )


def _own(holder: bytes) -> Any:
    order = (addresses.c.chain_id, addresses.c.created_at, addresses.c.address)
    return select(addresses).where(addresses.c.holder == holder).order_by(*order)


async def _root(server: Server, session: Session) -> bytes:
    async with server.engine.connect() as conn:
        document = await conn.scalar(select(users.c.genesis).where(users.c.holder == session.holder))
    assert document is not None, "a session belongs to a user"
    return HolderGenesis.parse(document).root
