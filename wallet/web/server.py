"""The pages on loopback: who is let in, which session it is, and what a screen's answer becomes in HTTP.

Every answer is closed off in the same way: nothing from elsewhere, nothing inline, no frame, no store, no referrer.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

from aiohttp import web

from chain.errors import ChainError
from fiat.errors import FiatError
from wallet.errors import CallerRefused, SignerLost, WalletError
from wallet.process_table import is_told, peer_of
from wallet.texts import _, speaking
from wallet.web import screens
from wallet.web.assets import Assets
from wallet.web.events import Events
from wallet.web.gate import LINK_PATH, STATIC_PATH, Marks, Way, admit, host_of, own_path
from wallet.web.pages import Pages
from wallet.web.problem_page import plain_problem, problem_page
from wallet.web.sessions import Session, Sessions, is_csrf
from wallet.web.taste import Taste, taste_of
from wallet.web.visit import Answer, Document, Go, Handler, Page, Place, Route, Same, Visit

BODY_BYTES_MAX = 64 * 1024
CSRF_HEADER = "X-Tandem-Page"
EVENTS_PATH, UNLOCK_PATH = "/events", "/unlock"
_FORM = "application/x-www-form-urlencoded"
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), serial=(), hid=()",
}
_FOREVER = "public, max-age=31536000, immutable"


class UiServer:
    """Serves `place` on sockets that listen already at `port`."""

    def __init__(self, place: Place, port: int, assets: Assets, routes: Sequence[Route] = screens.ROUTES) -> None:
        self._place, self._port, self._assets = place, port, assets
        self._pages, self._sessions, self.events = Pages(assets), Sessions(), Events(place)
        self._router = web.UrlDispatcher()
        self._handlers: dict[tuple[str, str], Handler] = {}
        for route in routes:
            self._router.add_route(route.method, route.path, _never)
            self._handlers[route.method, route.path] = route.handler
        self._peers: WeakKeyDictionary[asyncio.BaseTransport, bool] = WeakKeyDictionary()

    @property
    def jar(self) -> str:
        """Cookies know no port: two clients of one person have names of their own."""
        return f"tandem_{self._port}"

    def new_link(self) -> str:
        """Opens the pages once, in the next five minutes."""
        return f"http://{host_of(self._port)}{LINK_PATH}?link={self._sessions.new_link(time.monotonic())}"

    def application(self) -> web.Application:
        """One handler for everything, so that nothing is routed before it is let in."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def work(self) -> None:
        """Until cancelled: when the keys are locked, sessions end and open tabs are told."""
        await self.events.work(self._sessions.sleep_all)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        taste = self._taste()
        with speaking(taste.language):
            try:
                way = admit(self._marks(request), self._port)
            except CallerRefused as refused:
                return self._refused(refused, taste)
            if way is Way.DOORSTEP:
                return self._plain("doorstep.html", taste, {"path": own_path(request.path_qs)})
            if way is Way.LINK:
                return await self._open(request, taste)
            if request.path.startswith(STATIC_PATH):
                return self._static(request.path.removeprefix(STATIC_PATH))
            return await self._within(request, taste)

    # Who asks

    def _marks(self, request: web.Request) -> Marks:
        def all_of(name: str) -> tuple[str, ...]:
            return tuple(request.headers.getall(name, ()))

        return Marks(
            request.method,
            request.path,
            all_of("Host"),
            all_of("Sec-Fetch-Site"),
            all_of("Origin"),
            all_of("Sec-Fetch-Mode"),
            all_of("Sec-Fetch-Dest"),
            (*all_of("Sec-Purpose"), *all_of("Purpose")),
            self._is_us(request.transport),
        )

    def _is_us(self, transport: asyncio.Transport | None) -> bool:
        """Looked up once a connection: a cookie goes to every port of this machine, also to other users' programs."""
        if transport is None:
            return False
        if transport not in self._peers:
            theirs, ours = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
            peer = peer_of(theirs[:2], ours[:2]) if theirs and ours else None
            self._peers[transport] = peer.uid == os.getuid() if peer is not None else not is_told()
        return self._peers[transport]

    async def _life(self) -> int | None:
        """The signer's process while its keys are unlocked."""
        signer = self._place.signer
        with contextlib.suppress(SignerLost):
            if signer.pid is not None and (await signer.status()).unlocked:
                return signer.pid
        return None

    async def _open(self, request: web.Request, taste: Taste) -> web.Response:
        session = self._sessions.redeem(request.query.get("link", ""), await self._life(), time.monotonic())
        if session is None:
            return self._plain("closed.html", taste, {"reason": "link"}, 403)
        answer = self._plain("doorstep.html", taste, {"path": "/"})
        self._set_cookie(answer, session)
        return answer

    def _set_cookie(self, answer: web.Response, session: Session) -> None:
        answer.set_cookie(self.jar, session.cookie, httponly=True, samesite="Strict", path="/")

    async def _within(self, request: web.Request, taste: Taste) -> web.StreamResponse:
        life = await self._life()
        given = [value for name, value in _cookies(request) if name == self.jar]
        session = self._sessions.find(given, life)
        if session is None:
            return self._turned_away(request, self._plain("closed.html", taste, {"reason": "session"}, 401))
        if request.method == "POST" and not is_csrf(session, tuple(request.headers.getall(CSRF_HEADER, ()))):
            return self._turned_away(request, self._plain("closed.html", taste, {"reason": "csrf"}, 403))
        if session.life is None:
            return await self._asleep(request, session, taste)
        if request.path == EVENTS_PATH:
            return await self.events.stream(request, HEADERS)
        return await self._visit(request, session, taste)

    async def _asleep(self, request: web.Request, session: Session, taste: Taste) -> web.Response:
        """All that there is for it: to type the password."""
        if request.method == "POST" and request.path == UNLOCK_PATH:
            try:
                [password] = (await self._form(request))["password"]
                await self._place.signer.unlock(password)
            except (KeyError, ValueError, web.HTTPException):
                return self._plain("closed.html", taste, {"reason": "csrf"}, 400)
            except WalletError as error:
                return self._respond(problem_page(error), self._bare_visit(request, session, taste))
            life = self._place.signer.pid
            if life is not None:
                answer = web.Response(status=204, headers={**HEADERS, "HX-Redirect": "/"})
                self._set_cookie(answer, self._sessions.wake(session, life))
                return answer
        return self._turned_away(request, self._plain("locked.html", taste, {"csrf": session.csrf}, 403))

    def _turned_away(self, request: web.Request, page: web.Response) -> web.Response:
        """A part of a page is no place for it: the whole tab goes on to where it is said."""
        if "HX-Request" in request.headers:
            page.headers["HX-Redirect"] = "/"
        return page

    # What is asked

    async def _visit(self, request: web.Request, session: Session, taste: Taste) -> web.StreamResponse:
        visit = self._bare_visit(request, session, taste)
        match = await self._router.resolve(request)
        resource = match.route.resource
        if match.http_exception is not None or resource is None:
            return self._respond(plain_problem(_("There is no such page"), "", 404), visit)
        try:
            form = await self._form(request) if request.method == "POST" else {}
            single = {name: values[0] for name, values in form.items()}
            visit = replace(visit, form=single, many=form, parts=dict(match))
            answer = await self._handlers[request.method, resource.canonical](visit)
        except web.HTTPException as error:
            answer = plain_problem(_("That could not be read"), "", error.status)
        except (WalletError, ChainError, FiatError) as error:
            answer = problem_page(error)
        except Exception as error:  # a traceback could hold what was typed; the error's type is enough to report it by
            told = _("Something went wrong inside ({kind}).").format(kind=type(error).__name__)
            answer = plain_problem(_("That did not work"), told, 500)
        return self._respond(answer, visit)

    def _bare_visit(self, request: web.Request, session: Session, taste: Taste) -> Visit:
        return Visit(
            self._place,
            session,
            taste,
            own_path(request.path),
            query=dict(request.query),
            is_fragment="HX-Request" in request.headers,
        )

    async def _form(self, request: web.Request) -> Mapping[str, tuple[str, ...]]:
        """Raises HTTPException."""
        if request.content_type != _FORM:
            raise web.HTTPUnsupportedMediaType
        try:
            fields = await request.post()
        except ValueError:
            raise web.HTTPBadRequest from None
        return {name: tuple(str(value) for value in fields.getall(name)) for name in fields}

    # What is answered

    def _respond(self, answer: Answer, visit: Visit) -> web.Response:
        match answer:
            case Go(path):
                if visit.is_fragment:
                    return web.Response(status=204, headers={**HEADERS, "HX-Redirect": path})
                return web.Response(status=303, headers={**HEADERS, "Location": path})
            case Same():
                return web.Response(status=204, headers=HEADERS)
            case Document(name, media_type, content):
                kept = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
                return web.Response(body=content, content_type=media_type, headers={**HEADERS, **kept})
            case Page():
                return self._page(answer, visit)

    def _page(self, page: Page, visit: Visit) -> web.Response:
        headers = dict(HEADERS)
        template = page.template
        if template == "problem.html" and visit.is_fragment:
            template = "problem_part.html"
            headers |= {"HX-Retarget": "#problem", "HX-Reswap": "innerHTML show:top"}
        values = {**screens.frame(visit), "title": page.title, **page.values}
        body = self._pages.render(template, values)
        return web.Response(text=body, status=page.status, content_type="text/html", headers=headers)

    def _plain(self, template: str, taste: Taste, values: Mapping[str, Any], status: int = 200) -> web.Response:
        """A page that says nothing of the wallet."""
        if not self._assets.is_built:
            return _text(_("The pages were not built: run `make setup` where Tandem was installed from."), 503)
        body = self._pages.render(template, {"taste": taste, **values})
        return web.Response(text=body, status=status, content_type="text/html", headers=HEADERS)

    def _static(self, name: str) -> web.Response:
        if name not in self._assets.files:
            return _text("not found", 404)
        media_type, content = self._assets.files[name]
        headers = {**HEADERS, "Cache-Control": _FOREVER, "Content-Type": media_type}
        return web.Response(body=content, headers=headers)

    def _refused(self, refused: CallerRefused, taste: Taste) -> web.Response:
        """Says where the pages are, and nothing of the wallet."""
        told = _("These pages open from Tandem itself, at {place}: run `tandem ui` for a link that opens them.")
        return _text(told.format(place=f"http://{host_of(self._port)}") + f" ({refused.reason})", refused.status)

    def _taste(self) -> Taste:
        try:
            return taste_of(self._place.store)
        except WalletError:
            return Taste()


async def _never(_request: web.Request) -> web.StreamResponse:
    """The router only finds; what it finds is called by its own name."""
    raise web.HTTPNotFound


def _text(text: str, status: int) -> web.Response:
    return web.Response(text=text + "\n", status=status, headers=HEADERS)


def _cookies(request: web.Request) -> list[tuple[str, str]]:
    """Every pair that came: another port may have set one of our name beside ours."""
    pairs = (part.partition("=") for header in request.headers.getall("Cookie", ()) for part in header.split(";"))
    return [(name.strip(), value.strip()) for name, _mark, value in pairs]
