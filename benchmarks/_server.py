"""`tandem-server serve`, with one route more that does nothing: the peer of benchmarks/http.py."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Response

from api.app import create_app
from api.commands import serve as serving
from api.settings import Settings


async def empty() -> Response:
    return Response(b"{}", media_type="application/json")


def with_an_empty_route(settings: Settings, **options: Any) -> FastAPI:
    app = create_app(settings, **options)
    app.add_api_route("/empty", empty)
    return app


if __name__ == "__main__":
    serving.create_app = with_an_empty_route
    serving.serve(["--json"])
