"""People for the server's tests: keys, signatures and requests of their own, without the client's code."""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import Any

import aiohttp
from coincurve import PrivateKey

from api.auth import personal_digest
from chain.address import Address
from fiat.holder import HolderGenesis
from fiat.order import (
    LedgerControl,
    LedgerConversion,
    LedgerHold,
    LedgerMandate,
    LedgerTransfer,
    LedgerWithdrawal,
    Order,
    address_digest,
    registration_digest,
    text_hash,
)
from fiat.signature import address_of

CHAIN_ID = 31337
PAID_IBAN = "iban:DE89370400440532013000"
RETURNED_IBAN = "iban:DE94370400440532010000"

ORDER_HEAD = ("holder", "key_epoch", "nonce", "valid_after", "valid_before", "seen_head")


class Key:
    def __init__(self) -> None:
        self.private = PrivateKey(os.urandom(32))
        self.address = address_of(self.private.public_key)

    def sign(self, digest: bytes) -> bytes:
        signature = self.private.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([27 + signature[64]])


class Answer:
    """An HTTP answer, read to its end."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def slug(self) -> str:
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        return str(self.json["slug"])


class Caller:
    """Sends requests to one server; `token` is the session's, if any."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.token: str | None = None

    async def ask(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> Answer:
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if raw is not None:
            headers.setdefault("Content-Type", "application/json")
        options: dict[str, Any] = {"data": raw} if raw is not None else {"json": body} if body is not None else {}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, headers=headers, allow_redirects=False, **options) as response,
        ):
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str) -> Answer:
        return await self.ask("GET", path)

    async def post(self, path: str, body: Any) -> Answer:
        return await self.ask("POST", path, body)

    async def put(self, path: str, body: Any) -> Answer:
        return await self.ask("PUT", path, body)


def spelled(value: bytes) -> str:
    return "0x" + value.hex()


def now_s() -> int:
    return time.time_ns() // 10**9


class Person(Caller):
    """Somebody with a root key and one chain account."""

    def __init__(self, url: str, ledger_id: bytes, handle: str) -> None:
        super().__init__(url)
        self.ledger_id, self.handle = ledger_id, handle
        self.root, self.account = Key(), Key()
        self.genesis = HolderGenesis(self.root.address, os.urandom(32))
        self.holder = self.genesis.holder_id
        self.epoch = 1

    def registration(self, **changes: Any) -> dict[str, Any]:
        valid_before = now_s() + 600
        digest = registration_digest(
            self.ledger_id,
            holder=self.holder,
            handle=self.handle,
            chain_id=0,
            account=self.root.address,
            valid_before=valid_before,
        )
        body = {
            "handle": self.handle,
            "genesis": spelled(self.genesis.document),
            "valid_before": str(valid_before),
            "signature": spelled(self.root.sign(digest)),
            "accounts": [self.account_claim(self.account, valid_before)],
        }
        return body | changes

    def account_claim(self, key: Key, valid_before: int) -> dict[str, Any]:
        own = registration_digest(
            self.ledger_id,
            holder=self.holder,
            handle=self.handle,
            chain_id=CHAIN_ID,
            account=key.address,
            valid_before=valid_before,
        )
        until = now_s() + 30 * 24 * 3600
        attested = address_digest(
            self.ledger_id, holder=self.holder, chain_id=CHAIN_ID, account=key.address, valid_before=until
        )
        return {
            "chain_id": CHAIN_ID,
            "address": Address.from_bytes(key.address),
            "signature": spelled(key.sign(own)),
            "attestation": {"valid_before": str(until), "signature": spelled(self.root.sign(attested))},
        }

    async def register(self) -> Person:
        answer = await self.post("/v1/users", self.registration())
        assert answer.status == 201, answer.body
        return self

    async def sign_in(self, key: Key | None = None) -> Person:
        given = await self.post("/v1/sessions/challenge", {"address": Address.from_bytes((key or self.root).address)})
        message = given.json["message"]
        signature = spelled((key or self.root).sign(personal_digest(message)))
        answer = await self.post("/v1/sessions", {"message": message, "signature": signature})
        assert answer.status == 201, answer.body
        self.token = answer.json["token"]
        return self

    async def top_up(self, amount_minor: int, currency: str = "EUR") -> None:
        """Asks, and waits until it is settled."""
        path = f"/v1/topups/{spelled(os.urandom(32))}"
        body = {"gateway": "sandbox", "currency": currency, "amount_minor": str(amount_minor)}
        assert (await self.put(path, body)).status == 201
        await until(lambda: self.get(path), lambda answer: answer.json["state"] == "settled")

    async def balance(self, currency: str = "EUR") -> int:
        view = (await self.get("/v1/portfolio?in=EUR")).json
        found = [p for p in view["positions"] if (p["rail"], p["asset"]) == ("ledger", currency)]
        return int(found[0]["amount_minor"]) if found else 0

    def transfer(self, payee: bytes, amount_minor: int, text: str = "@bob\nlunch", /, **changes: Any) -> dict[str, Any]:
        """The body of a LedgerTransfer; `changes` replace fields of the order before it is signed."""
        salt = os.urandom(16)
        fields = self._fields(amount_minor) | {"payee": payee, "shown": text_hash(salt, text)} | changes
        return self.signed(LedgerTransfer(**fields), shown=(salt, text))

    def withdrawal(self, destination: str, amount_minor: int, /, **changes: Any) -> dict[str, Any]:
        salt, salt_2, text = os.urandom(16), os.urandom(16), f"{destination}\n"
        hashes = {"destination": text_hash(salt, destination), "shown": text_hash(salt_2, text)}
        order = LedgerWithdrawal(**(self._fields(amount_minor) | hashes | changes))
        return self.signed(order, shown=(salt_2, text), destination=(salt, destination))

    def hold(self, captor: bytes, amount_minor: int, text: str = "@shop\ndeposit", /, **changes: Any) -> dict[str, Any]:
        salt = os.urandom(16)
        own = {"captor": captor, "shown": text_hash(salt, text), "until": now_s() + 3600}
        return self.signed(LedgerHold(**(self._fields(amount_minor) | own | changes)), shown=(salt, text))

    def mandate(self, payee: bytes, per_period_minor: int, /, **changes: Any) -> dict[str, Any]:
        """Weekly, three times."""
        salt, text = os.urandom(16), "@shop\nsubscription"
        fields = self._fields(0) | {"payee": payee, "shown": text_hash(salt, text), "until": now_s() + 10**7}
        fields |= {"per_period_minor": per_period_minor, "period_seconds": 7 * 86400, "count": 3}
        for name in ("amount_minor", "total_max_minor"):
            del fields[name]
        return self.signed(LedgerMandate(**(fields | changes)), shown=(salt, text))

    def conversion(self, quote: dict[str, Any], /, **changes: Any) -> dict[str, Any]:
        """Accepts an answer of POST /v1/quotes."""
        salt, text, told = os.urandom(16), "EUR > USD", quote["quote"]
        fields = self._fields(int(told["amountMinor"])) | {
            "shown": text_hash(salt, text),
            "currency": told["currency"],
            "exponent": int(told["exponent"]),
            "total_max_minor": int(quote["total_minor"]),
            "receive_asset": told["receiveAsset"],
            "receive_min_minor": int(told["receiveMinor"]),
            "receive_to": bytes(20),
            "reference": bytes.fromhex(quote["id"][2:]),
        }
        return self.signed(LedgerConversion(**(fields | changes)), shown=(salt, text))

    def bridging(self, quote: dict[str, Any], /, **changes: Any) -> dict[str, Any]:
        """Accepts an answer of POST /v1/quotes in which a token is received, at the person's own address."""
        salt, text, told = os.urandom(16), f"{quote['quote']['currency']} > {quote['quote']['symbol']}", quote["quote"]
        fields = self._fields(int(told["giveAmount"])) | {
            "shown": text_hash(salt, text),
            "currency": told["currency"],
            "exponent": int(told["exponent"]),
            "total_max_minor": int(quote["total_minor"]),
            "receive_asset": quote["asset"],
            "receive_min_minor": int(told["receiveAmount"]),
            "receive_to": self.account.address,
            "reference": bytes.fromhex(quote["id"][2:]),
        }
        return self.signed(LedgerConversion(**(fields | changes)), shown=(salt, text))

    def control(
        self, action: str, subject: bytes = bytes(32), value: int = 0, /, key: Key | None = None, **changes: Any
    ) -> dict[str, Any]:
        fields = {name: self._fields(0)[name] for name in ORDER_HEAD} | {"action": action}
        return self.signed(LedgerControl(**(fields | {"subject": subject, "value": value} | changes)), key)

    def signed(self, order: Order, key: Key | None = None, **texts: tuple[bytes, str]) -> dict[str, Any]:
        return {
            "type": order.type_name,
            "order": order.to_json(),
            "signature": spelled((key or self.root).sign(order.digest(self.ledger_id))),
            "texts": {name: {"salt": spelled(salt), "text": text} for name, (salt, text) in texts.items()},
        }

    def _fields(self, amount_minor: int) -> dict[str, Any]:
        now = now_s()
        return {
            "holder": self.holder,
            "key_epoch": self.epoch,
            "nonce": os.urandom(32),
            "valid_after": now - 60,
            "valid_before": now + 600,
            "seen_head": self.holder,
            "currency": "EUR",
            "exponent": 2,
            "amount_minor": amount_minor,
            "total_max_minor": amount_minor,
        }

    async def order(self, body: dict[str, Any]) -> Answer:
        return await self.put(f"/v1/orders/{body['order']['nonce']}", body)

    async def use(self, kind: str, order: dict[str, Any], body: dict[str, Any], use_id: str | None = None) -> Answer:
        """Captures, release or collections under an order: `kind` is the path's word."""
        place = "mandates" if kind == "collections" else "holds"
        path = f"/v1/{place}/{order['order']['holder']}/{order['order']['nonce']}/{kind}"
        return await self.put(f"{path}/{use_id or spelled(os.urandom(32))}", body)


async def until(ask: Any, reached: Any, seconds: float = 60) -> Answer:
    """Asks again until the answer is as wanted."""
    deadline = time.monotonic() + seconds
    while True:
        answer: Answer = await ask()
        if reached(answer):
            return answer
        assert time.monotonic() < deadline, answer.body
        await asyncio.sleep(0.05)
