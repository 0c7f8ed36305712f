"""Our server over HTTP. It is not trusted: what it says is read strictly, and what it signed is checked and kept."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import aiohttp

from chain.errors import JsonMalformed
from chain.strict_json import parse
from fiat.head import Head
from fiat.order import SignedOrder
from fiat.record import KeyRecord
from wallet.config import Config
from wallet.errors import (
    ClockWrong,
    HolderMissing,
    LedgerReplaced,
    OutcomeUnknown,
    PayeeChanged,
    ServerRefused,
    ServerUnreachable,
    SessionMissing,
    TokenChanged,
)
from wallet.head_log import keep_head
from wallet.heads import LEAVES_MAX, Json, Kept, Reader, check_extends, judge, read_head
from wallet.proofs import (
    Card,
    Ledger,
    Use,
    check_named,
    read_address,
    read_card,
    read_ledger,
    read_receipt,
    read_use_receipt,
)
from wallet.state import Folder, Store

ANSWER_BYTES_MAX = 4 * 1024 * 1024
CLOCK_SECONDS_MAX = 60
PAGES_MAX = 1000
UNKNOWN_SLUGS = ("outcome_unknown", "internal", "busy")
"""Refusals that do not tell whether something was written."""
_PATIENCE = aiohttp.ClientTimeout(total=30, sock_connect=5)
_STREAM_PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=45)  # a heartbeat comes every 15
_TIME_HEADER = re.compile(r"[0-9]{1,20}", re.ASCII)


class Client:
    """Speaks to one server. `notices` are things the person has to be told, by name (ledger-replaced)."""

    def __init__(self, config: Config, store: Store) -> None:
        self.config, self.store = config, store
        self.notices: list[str] = []
        self.clock_seconds_off = 0
        self._http: aiohttp.ClientSession | None = None
        self._ledger: Ledger | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=_PATIENCE, trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    @property
    def host(self) -> str:
        return self.config.server_host

    # The ledger and what is kept of it

    async def ledger(self) -> Ledger:
        """The server's ledger, proven by its genesis record and the one seen before.

        Another one is taken up by itself on loopback (a notice says so); elsewhere it raises LedgerReplaced.
        """
        if self._ledger is None:
            ledger = read_ledger(self.host, await self.get("/ledger"))
            known = self.store.ledger_of(self.config.server)
            if known not in (None, ledger.id):
                if not self.config.is_server_local:
                    raise LedgerReplaced(self.host, known.hex()[:16] if known else "", ledger.id.hex()[:16])
                self.notices.append("ledger-replaced")
            self.accept(ledger)
        assert self._ledger is not None
        return self._ledger

    async def ledger_offered(self) -> Ledger:
        """What the server shows now, proven but not compared with what was known: for asking the person."""
        return read_ledger(self.host, await self.get("/ledger"))

    def accept(self, ledger: Ledger) -> None:
        """From now on this is the server's ledger. Raises TokenChanged where it counts otherwise than before."""
        counted = self.store.ledger(ledger.id).read("ledger").get("exponents", {})
        for code, exponent in ledger.exponents.items():
            if counted.get(code, exponent) != exponent:
                raise TokenChanged(code[:8], "decimals", str(counted[code]), str(exponent))
        self._ledger = ledger
        self.store.change("servers", lambda servers: servers.update({self.config.server: ledger.id.hex()}))
        kept = {"id": ledger.id.hex(), "operator": ledger.operator.hex(), "exponents": dict(ledger.exponents)}
        self.folder.change("ledger", lambda document: document.update(kept))

    @property
    def folder(self) -> Folder:
        """What is kept of the ledger that was last seen at this server."""
        known = self._ledger.id if self._ledger else self.store.ledger_of(self.config.server)
        if known is None:
            raise HolderMissing(self.host)
        return self.store.ledger(known)

    @property
    def me(self) -> dict[str, Any]:
        """handle, holder, root, blind. Raises HolderMissing."""
        me = self.folder.read("me")
        if not me:
            raise HolderMissing(self.host)
        return me

    @property
    def holder(self) -> bytes:
        return bytes.fromhex(self.me["holder"])

    @property
    def kept(self) -> Kept:
        """The last head that was seen; before the first it is the holder id."""
        head = self.folder.read("head")
        return Kept(head["count"], bytes.fromhex(head["head"])) if head else Kept(0, self.holder)

    async def head(self) -> Head:
        """The account's signed head now, once it extends the one that is kept. Raises HeadRefused."""
        ledger, kept = await self.ledger(), self.kept
        leaves: list[bytes] = []
        for _ in range(PAGES_MAX):
            answer = Reader(
                self.host, "heads", await self.get(f"/heads?since={kept.count + len(leaves)}", session=True)
            )
            page = answer.hashes("leaves")
            leaves += page
            if answer.document.get("complete") is True or len(page) < LEAVES_MAX:
                break
        head = read_head(self.host, answer.document.get("head"), ledger.id, ledger.operator, self.holder)
        now_kept = check_extends(self.host, kept, head, bytes.fromhex(self.me["blind"]), leaves)
        keep_head(self.folder, now_kept, answer.document["head"])
        return head

    def check_clock(self) -> None:
        """Raises ClockWrong where an order would be dated wrongly."""
        if abs(self.clock_seconds_off) > CLOCK_SECONDS_MAX:
            raise ClockWrong(self.host, self.clock_seconds_off)

    # People

    async def card(self, handle: str) -> Card:
        """The payee's card, the same holder as at first use. Does not pin. Raises PayeeChanged."""
        await self.ledger()
        card = read_card(self.host, await self.get(f"/users/{handle}"), handle)
        pin = self.pin(handle)
        if pin is not None and pin != card.holder:
            raise PayeeChanged(handle, Card(handle, pin, b"").fingerprint, card.fingerprint)
        return card

    def pin(self, handle: str) -> bytes | None:
        """The holder that this handle named at first use."""
        known = self.folder.read("pins").get(handle)
        return bytes.fromhex(known["holder"]) if known else None

    def keep_pin(self, card: Card) -> None:
        entry = {"holder": card.holder.hex(), "root": card.root.hex()}
        self.folder.change("pins", lambda pins: pins.setdefault(card.handle, entry))

    async def address(self, card: Card, chain_id: int, asset: str) -> bytes:
        """Where the payee receives on that chain, attested by their root key: 20 bytes."""
        path, wanted = f"/users/{card.handle}/address", {"chain_id": chain_id, "asset": asset}
        answer = await self.post(path, wanted, session=True)
        return read_address(self.host, answer, await self.ledger(), card, chain_id, time.time_ns() // 1_000_000_000)

    # Orders

    async def put_order(self, signed: SignedOrder, body: Json) -> dict[str, Any]:
        """Sends an order, checks its receipt, keeps both. Written down before it leaves, so that it can be repeated.

        Raises OutcomeUnknown where no answer came.
        """
        ledger, nonce = await self.ledger(), "0x" + signed.order.nonce.hex()
        orders = self.folder.below("orders")
        if not orders.read(nonce).get("answer"):  # a receipt that is kept stays kept, whatever comes of asking again
            orders.put(nonce, {"body": dict(body), "state": "sent"})
            self.folder.change("unanswered", lambda waiting: waiting.update({nonce: signed.order.valid_before}))
        try:
            answer = await self.ask("PUT", f"/orders/{nonce}", body)
        except (ServerUnreachable, asyncio.CancelledError) as error:
            if isinstance(error, ServerUnreachable) and error.reason == "connection":
                self._answered(nonce)
                raise  # it never left
            raise OutcomeUnknown(self.host, nonce) from None
        except ServerRefused as refused:
            if refused.slug in UNKNOWN_SLUGS:
                raise OutcomeUnknown(self.host, nonce) from None
            self._answered(nonce)
            raise
        record = read_receipt(self.host, answer.get("receipt"), ledger, signed.order, signed.signature)
        check_named(self.host, answer, "nonce", signed.order.nonce)
        orders.put(nonce, {"body": dict(body), "state": "accepted", "answer": answer})
        self._answered(nonce)
        if isinstance(record, KeyRecord):
            self.keep_epoch(record.epoch)
        return answer

    async def put_use(self, path: str, body: Json, use: Use) -> dict[str, Any]:
        """Sends a capture, a release or a collection, checks its receipt, keeps both. Raises OutcomeUnknown."""
        ledger, uses, number = await self.ledger(), self.folder.below("uses"), "0x" + use.id.hex()
        kept = {"path": path, "body": dict(body), "order": use.order.to_json(), "type": use.order.type_name}
        if not uses.read(number).get("answer"):
            uses.put(number, {**kept, "action": use.action})
        try:
            answer = await self.ask("PUT", path, body, session=True)
        except ServerUnreachable as lost:
            if lost.reason == "connection":
                raise
            raise OutcomeUnknown(self.host, number) from None
        except ServerRefused as refused:
            if refused.slug in UNKNOWN_SLUGS:
                raise OutcomeUnknown(self.host, number) from None
            raise
        read_use_receipt(self.host, answer.get("receipt"), ledger, use)
        check_named(self.host, answer, "id", use.id)
        uses.put(number, {**kept, "action": use.action, "answer": answer})
        return answer

    def keep_epoch(self, epoch: int) -> None:
        """The count of the account's key changes, which every order names. A wrong one is only ever refused."""
        self.folder.change("me", lambda me: me.update({"epoch": epoch}))

    def unanswered(self) -> list[str]:
        """Orders that were sent and whose answer never came, oldest first: to be asked again, not sent anew."""
        return list(self.folder.read("unanswered"))

    def _answered(self, nonce: str) -> None:
        if nonce in self.folder.read("unanswered"):
            self.folder.change("unanswered", lambda waiting: waiting.pop(nonce, None))

    # HTTP

    async def get(self, path: str, *, session: bool = False) -> dict[str, Any]:
        return await self.ask("GET", path, session=session)

    async def post(self, path: str, body: Json, *, session: bool = False) -> dict[str, Any]:
        return await self.ask("POST", path, body, session=session)

    async def ask(self, method: str, path: str, body: Json | None = None, *, session: bool = False) -> dict[str, Any]:
        """One request below /v1. Raises ServerUnreachable, ServerRefused, SessionMissing, AnswerUnfit."""
        assert self._http is not None
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if session:
            headers["Authorization"] = f"Bearer {self._token()}"
        content = None if body is None else json.dumps(body).encode()
        url = f"{self.config.server}/v1{path}"
        try:
            async with self._http.request(method, url, data=content, headers=headers, allow_redirects=False) as answer:
                self._see_clock(answer.headers.get("Tandem-Time", ""))
                raw = await _all(answer)
                return judge(self.host, answer.status, {} if answer.status == 204 else _parsed(raw), path)
        except aiohttp.ClientConnectorError:
            raise ServerUnreachable(self.host, "connection") from None
        except TimeoutError:
            raise ServerUnreachable(self.host, "timeout") from None
        except aiohttp.ClientError:
            raise ServerUnreachable(self.host, "broken-off") from None

    async def events(self) -> AsyncIterator[str]:
        """The names of what the server tells from now on, until it ends. Raises ServerUnreachable, ServerRefused."""
        assert self._http is not None
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {self._token()}"}
        url = f"{self.config.server}/v1/events"
        try:
            async with self._http.get(url, headers=headers, allow_redirects=False, timeout=_STREAM_PATIENCE) as answer:
                if answer.status != 200:
                    judge(self.host, answer.status, _parsed(await _all(answer)), "/events")
                async for line in answer.content:
                    if line.startswith(b"event:"):
                        yield line.removeprefix(b"event:").strip().decode(errors="replace")
        except (aiohttp.ClientError, TimeoutError, ValueError):  # a line without end is one of these
            raise ServerUnreachable(self.host, "broken-off") from None

    def _token(self) -> str:
        session = self.folder.read("session")
        if not session:
            raise SessionMissing(self.host)
        return str(session["token"])

    def _see_clock(self, text: str) -> None:
        if _TIME_HEADER.fullmatch(text):
            self.clock_seconds_off = (time.time_ns() - int(text)) // 1_000_000_000


async def _all(answer: aiohttp.ClientResponse) -> bytes:
    """The body, bounded. Chunks come as they come; one beyond the bound ends it."""
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_chunked(65536):
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            break
        parts.append(part)
    return b"".join(parts) if size <= ANSWER_BYTES_MAX else b"too long"


def _parsed(raw: bytes) -> object:
    try:
        return parse(raw, ANSWER_BYTES_MAX)
    except JsonMalformed:
        return None
