"""`GET /pay/@handle`: where a payment link leads in a browser. It tells what to do with the link, and nothing else.

What the link asks for stands behind its #, which browsers keep to themselves: this page neither knows nor shows it.
A page that is addressed to people, so it is HTML and not below /v1; no script, no form, nothing from elsewhere.
"""

from __future__ import annotations

from html import escape
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from api.errors import HandleInvalid, NotFound
from api.routes.users import user_of_handle
from api.server import ServerHere
from api.texts import N_, in_language
from fiat.holder import HolderGenesis, fingerprint

router = APIRouter(include_in_schema=False)

PLACE_LENGTH_MAX = 130
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Vary": "Accept-Language",
}
_TITLE = N_("Pay {handle}")
_WHAT_TO_DO = (
    N_("This is a payment link of {handle} at {server}. This page cannot pay: your wallet can."),
    N_("Copy the whole address of this page, with everything behind the #, and give it to your wallet:"),
)
_COMPARE = N_("Your wallet pays only the one whom the link names. Their fingerprint here: {fingerprint}")
_NOBODY = N_("Nobody here has that name, or the link is incomplete.")


@router.get("/pay/{place}")
async def pay(
    place: Annotated[str, Path(max_length=PLACE_LENGTH_MAX)], server: ServerHere, request: Request
) -> HTMLResponse:
    """For whoever opens a payment link in a browser."""
    server.limit(request)
    language = "zh" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"
    _ = in_language(language)
    try:
        if not place.startswith("@"):
            raise NotFound("payment-request")
        user = await user_of_handle(server, place)
    except (HandleInvalid, NotFound):
        return _page(language, _(_NOBODY), [], 404)
    holder = HolderGenesis.parse(user.genesis).holder_id
    told = {"handle": f"@{user.handle}", "server": server.settings.public_host, "fingerprint": fingerprint(holder)}
    first, second = (_(text).format(**told) for text in _WHAT_TO_DO)
    command = "<pre>tandem send 'https://…'</pre>"
    lines = [f"<p>{escape(first)}</p>", f"<p>{escape(second)}</p>", command]
    lines.append(f"<p>{escape(_(_COMPARE).format(**told))}</p>")
    return _page(language, _(_TITLE).format(**told), lines, 200)


def _page(language: str, title: str, lines: list[str], status: int) -> HTMLResponse:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    body = f"<h1>{escape(title)}</h1>{''.join(lines)}"
    text = f'<!doctype html><html lang="{language}"><head>{head}</head><body><main>{body}</main></body></html>'
    return HTMLResponse(text, status, _HEADERS)
