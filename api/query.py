"""Query parameters are as strict as bodies: a name that the route does not have, or comes twice, is refused."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Cookie, Header, Path
from fastapi.routing import APIRoute

from api.errors import InvalidInput

TOLD_MAX = 40
_ELSEWHERE = (Path, Header, Cookie)


async def strict_query(request: Request) -> None:
    """Raises InvalidInput."""
    if not request.scope["query_string"]:
        return
    route = request.scope["route"]
    known = _names(route) if isinstance(route, APIRoute) else frozenset()
    seen = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            told = ", ".join(sorted(known)) or "none"
            raise InvalidInput((f"query.{name[:TOLD_MAX]}", f"is no parameter here; known: {told}"))
        if name in seen:
            raise InvalidInput((f"query.{name}", "is given more than once"))
        seen.add(name)


def _names(route: APIRoute) -> frozenset[str]:
    """The parameters' names as they are sent; of each route worked out once."""
    known = _KNOWN.get(route.endpoint)
    if known is None:
        fields = get_flat_params(route.dependant)
        known = _KNOWN[route.endpoint] = frozenset(f.alias for f in fields if not isinstance(f.field_info, _ELSEWHERE))
    return known


_KNOWN: dict[Callable[..., object], frozenset[str]] = {}
