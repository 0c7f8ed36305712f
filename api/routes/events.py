"""What changes, as it changes: a stream of server-sent events for the signed-in person alone."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from sqlalchemy import select

from api.activity import Cursor
from api.errors import InvalidInput
from api.event_source import Listener
from api.event_stream import MEDIA_TYPE, Stream
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import Server, ServerHere
from api.tables import sessions

router = APIRouter(prefix="/v1", tags=["views"], responses=PROBLEM)
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`ready`, then `ledger`, `chain`, `chain_gone`, `quote`, `account`, `reset`, and `end` at last",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


@router.get("/events", responses=_STREAM, response_class=Response)
async def events(
    session: SignedIn,
    server: ServerHere,
    last_event_id: Annotated[str | None, Header(max_length=128, examples=["l12c0.9.1.-1"])] = None,
) -> Response:
    """Both sides' changes. `data` of `ledger` and `chain` is an item as in `/activity` (without its value).

    `Last-Event-ID` goes on after that event; without it nothing before now is told. A heartbeat is a comment.
    """
    listener = Listener(
        server.look_out.source, session.holder, None if last_event_id is None else _place(last_event_id)
    )
    server.look_out.enter(session.holder)
    return Stream(server.look_out, listener, session.holder, lambda: _is_signed_in(server, session.token_hash))


def _place(text: str) -> Cursor:
    """Raises InvalidInput for what no event has given."""
    try:
        return Cursor.parse(text)
    except InvalidInput:
        raise InvalidInput(("header.Last-Event-ID", "is no id of an event of this server")) from None


async def _is_signed_in(server: Server, token_hash: bytes) -> bool:
    if server.sessions.get(token_hash, server.clock) is not None:
        return True
    query = select(sessions.c.expires_at).where(sessions.c.token_hash == token_hash)
    async with server.engine.connect() as conn:
        expires_at = (await conn.execute(query)).scalar_one_or_none()
    return expires_at is not None and expires_at > server.clock
