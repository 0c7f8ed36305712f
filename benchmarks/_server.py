"""`tandem-server serve`, with the benchmarks' peers: a route that does nothing, and one that checks a signature."""

from __future__ import annotations

import sys
from typing import Any

from fastapi import FastAPI, Response

from api.app import create_app
from api.commands import serve as serving
from api.fields import raw
from api.routes.order_models import OrderRequest
from api.server import ServerHere
from api.settings import Settings
from fiat.order import SignedOrder, order_from_json


async def empty() -> Response:
    return Response(b"{}", media_type="application/json")


async def checked(nonce: str, body: OrderRequest, server: ServerHere) -> Response:
    """Reads an order and recovers who signed it: the least that any route for signed orders does."""
    order = order_from_json(body.type, body.order.model_dump())
    SignedOrder(order, raw(body.signature)).signer(server.journal.ledger_id)
    return Response(b"{}", media_type="application/json")


def with_the_peers(settings: Settings, **options: Any) -> FastAPI:
    app = create_app(settings, **options)
    app.add_api_route("/empty", empty)
    app.add_api_route("/checked/{nonce}", checked, methods=["PUT"])
    return app


if __name__ == "__main__":
    serving.create_app = with_the_peers
    serving.serve(["--json", *sys.argv[1:]])
