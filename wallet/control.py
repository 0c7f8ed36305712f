"""The control API on loopback: what waits for the person, and their answers (CONTRACT.md section 3).

A bearer token in a file of mode 0600 opens it; a request with an Origin or with another Host is refused before that.
The token reads and declines. It approves only where the person started the client so, and beyond their policy only with
their password.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from chain import strict_json
from chain.address import Address
from chain.errors import AddressMalformed, ChainError, JsonMalformed
from wallet.asking import House
from wallet.desk import Desk
from wallet.errors import (
    AccountUnknown,
    ApprovalRefused,
    ApprovalTooSoon,
    ApprovalUnknown,
    DigestDiffers,
    InputMalformed,
    PasswordNeeded,
    PolicyDenied,
    PolicyOlder,
    SignerError,
    VaultUnopened,
    WalletError,
)
from wallet.state import make_private, replace_file

TOKEN_NAME = "control-token"  # noqa: S105  # a file's name
BODY_BYTES_MAX = 4096
_PROBLEM = "application/problem+json"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def keep_token(home: Path) -> str:
    """A new token for this run, in its file."""
    token = secrets.token_urlsafe(32)
    make_private(home)
    replace_file(home / TOKEN_NAME, token.encode() + b"\n")
    return token


class Control:
    """`approves`: may the token approve too?"""

    def __init__(self, desk: Desk, token: str, port: int, *, approves: bool) -> None:
        self._desk, self._token, self._approves = desk, token, approves
        self._hosts = House(port).hosts

    def application(self) -> web.Application:
        app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[self._guard])
        app.router.add_get("/approvals", self._list)
        app.router.add_post("/approvals/{id}/approve", self._approve)
        app.router.add_post("/approvals/{id}/choose", self._choose)
        app.router.add_post("/approvals/{id}/decline", self._decline)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Host, Origin and token, before it is said whether there is such a page (I-1)."""
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or hosts[0] not in self._hosts or "Origin" in request.headers:
            return web.Response(status=403, text="refused\n")
        given = request.headers.getall("Authorization", [])
        expected = f"Bearer {self._token}".encode()
        if len(given) != 1 or not hmac.compare_digest(given[0].encode(errors="replace"), expected):
            return web.Response(status=401, text="token\n", headers={"WWW-Authenticate": "Bearer"})
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _problem(error.status, "not-found" if error.status == 404 else "bad-request")
        except WalletError as error:
            return _problem(_status(error), error.code)

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response(self._desk.listed())

    async def _choose(self, request: web.Request) -> web.Response:
        """Of a request to connect, other accounts than it names: the prompt as it stands then, under a new digest."""
        number = self._approvable(request)
        try:
            accounts = read_accounts((await _body(request)).get("accounts"))
        except ChainError:
            return _problem(422, "accounts")
        return web.json_response(self._desk.choose(number, accounts).to_json())

    def _approvable(self, request: web.Request) -> str:
        """Its number, where the token approves. Raises ApprovalRefused."""
        number = request.match_info["id"]
        if not self._approves:
            raise ApprovalRefused(number[:40], "token-approves-not")
        return number

    async def _approve(self, request: web.Request) -> web.Response:
        number = self._approvable(request)
        body = await _body(request)
        digest, password = body.get("digest"), body.get("password", "")
        if not isinstance(digest, str):
            return _problem(422, "digest-missing")
        if not isinstance(password, str):
            return _problem(422, "password")
        try:
            accounts = read_accounts(body.get("accounts", []))
        except ChainError:
            return _problem(422, "accounts")
        await self._desk.approve(number, digest, password, accounts=accounts, always=body.get("always") is True)
        return web.json_response({"id": number, "state": "approved"})

    async def _decline(self, request: web.Request) -> web.Response:
        number = request.match_info["id"]
        self._desk.decline(number)
        return web.json_response({"id": number, "state": "declined"})


async def _body(request: web.Request) -> dict[str, object]:
    """A JSON object, which a form of another site could not send."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        document = strict_json.parse(await request.read(), BODY_BYTES_MAX)
    except JsonMalformed:
        raise web.HTTPBadRequest from None
    if not isinstance(document, dict):
        raise web.HTTPBadRequest
    return document


def read_accounts(value: object) -> list[Address]:
    """Of a list of addresses. Raises AddressMalformed, AddressChecksumWrong."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise AddressMalformed(str(value)[:42])
    return [Address(one) for one in value]


def _status(error: WalletError) -> int:
    match error:
        case ApprovalUnknown():
            return 404
        case ApprovalRefused(reason="token-approves-not"):
            return 403
        case PasswordNeeded() | VaultUnopened():
            return 403
        case DigestDiffers() | ApprovalRefused() | ApprovalTooSoon() | SignerError():
            return 409
        case PolicyDenied() | PolicyOlder():
            return 409
        case AccountUnknown() | InputMalformed():
            return 422
    return 500


def _problem(status: int, slug: str) -> web.Response:
    document = {"type": f"urn:tandem:problem:{slug}", "slug": slug, "status": status}
    return web.json_response(document, status=status, content_type=_PROBLEM)
