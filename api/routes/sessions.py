"""Sign-in with Ethereum (EIP-4361) by a key of the holder, and the session that follows."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import Field
from sqlalchemy import delete, insert, select

from api import auth
from api.database import recording
from api.errors import ChallengeUnknown, NotFound, SessionExpired, SessionRequired
from api.fields import Answer, Bytes32, ChainAddress, Signature, Strict, Time, raw, spelled
from api.routes.problems import PROBLEM
from api.server import Server, ServerHere, Session
from api.tables import challenges, sessions, users
from chain.address import Address
from fiat import history
from fiat.holder import fingerprint

router = APIRouter(prefix="/v1/sessions", tags=["sessions"], responses=PROBLEM)
_bearer = HTTPBearer(auto_error=False, description="The token of POST /v1/sessions")


class ChallengeRequest(Strict):
    address: ChainAddress


class ChallengeAnswer(Answer):
    message: str
    expires_at: Time


class SignIn(Strict):
    message: Annotated[str, Field(min_length=1, max_length=2000, examples=["127.0.0.1:8000 wants you to sign in ..."])]
    signature: Signature


class UserAnswer(Answer):
    handle: str = Field(examples=["alice"])
    holder: Bytes32
    fingerprint: str = Field(examples=["3f2a 91c0 77de 0b12"])


class SessionAnswer(Answer):
    token: str
    expires_at: Time
    user: UserAnswer


async def signed_in(
    server: ServerHere, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Session:
    """The session of a request. Raises SessionRequired, SessionExpired."""
    token = auth.bearer_token(f"Bearer {credentials.credentials}" if credentials else None)
    if token is None:
        raise SessionRequired
    hashed, now = auth.token_hash(token), server.clock
    if (known := server.sessions.get(hashed, now)) is not None:
        return known
    query = (
        select(sessions.c.holder, sessions.c.expires_at, users.c.handle)
        .join(users, users.c.holder == sessions.c.holder)
        .where(sessions.c.token_hash == hashed)
    )
    async with server.engine.connect() as conn:
        row = (await conn.execute(query)).one_or_none()
    if row is None:
        raise SessionRequired
    if row.expires_at <= now:
        raise SessionExpired
    session = Session(row.holder, row.handle, hashed)
    server.sessions.put(hashed, session, now)
    return session


async def perhaps_signed_in(
    server: ServerHere, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Session | None:
    """For operations that need no session and do more with one. Raises what `signed_in` does for a token."""
    return None if credentials is None else await signed_in(server, credentials)


SignedIn = Annotated[Session, Depends(signed_in)]
PerhapsSignedIn = Annotated[Session | None, Depends(perhaps_signed_in)]


@router.post("/challenge")
async def challenge(body: ChallengeRequest, server: ServerHere, request: Request) -> ChallengeAnswer:
    """A text to sign within five minutes, once. Says nothing about whether the address is known here."""
    server.limit(request)
    address, now = Address(body.address), server.clock
    message = auth.challenge(server.site, address, auth.nonce_of(secrets.token_bytes(17)), now)
    expires_at = now + auth.CHALLENGE_SECONDS * 10**9
    row = {"digest": auth.challenge_digest(message), "address": address.raw, "expires_at": expires_at}
    async with recording(server.engine).begin() as conn:
        await conn.execute(delete(challenges).where(challenges.c.expires_at <= now))
        await conn.execute(insert(challenges).values(row))
    return ChallengeAnswer(message=message, expires_at=auth.rfc3339(expires_at))


@router.post("", status_code=201)
async def sign_in(body: SignIn, server: ServerHere, request: Request) -> SessionAnswer:
    """A session for the holder whose root or spending key signed the challenge, exactly as it was given out."""
    server.limit(request)
    digest, now = auth.challenge_digest(body.message), server.clock
    async with server.engine.connect() as conn:
        given = (await conn.execute(select(challenges).where(challenges.c.digest == digest))).one_or_none()
    if given is None or given.expires_at <= now:
        raise ChallengeUnknown
    auth.check_signature(body.message, raw(body.signature), given.address)
    user = await _user_of_key(server, given.address)
    token = secrets.token_hex(auth.TOKEN_BYTES)
    expires_at = now + auth.SESSION_SECONDS * 10**9
    row = {"token_hash": auth.token_hash(token), "holder": raw(user.holder), "key": given.address}
    async with recording(server.engine).begin() as conn:
        used = await conn.execute(
            delete(challenges).where(challenges.c.digest == digest).returning(challenges.c.digest)
        )
        if used.one_or_none() is None:
            raise ChallengeUnknown
        await conn.execute(delete(sessions).where(sessions.c.expires_at <= now))
        await conn.execute(insert(sessions).values(**row, created_at=now, expires_at=expires_at))
    return SessionAnswer(token=token, expires_at=auth.rfc3339(expires_at), user=user)


@router.delete("/current", status_code=204)
async def sign_out(session: SignedIn, server: ServerHere) -> Response:
    """Ends this session: here at once, in other processes of the server within seconds."""
    async with recording(server.engine).begin() as conn:
        await conn.execute(delete(sessions).where(sessions.c.token_hash == session.token_hash))
    server.sessions.drop(session.token_hash)
    return Response(status_code=204)


async def _user_of_key(server: Server, key: bytes) -> UserAnswer:
    """The oldest account that the key may sign for. Raises NotFound."""
    async with server.engine.connect() as conn:
        for holder in await history.holders_of_key(conn, key, server.clock):
            handle = await conn.scalar(select(users.c.handle).where(users.c.holder == holder))
            if handle is not None:
                return UserAnswer(handle=handle, holder=spelled(holder), fingerprint=fingerprint(holder))
    raise NotFound("account")
