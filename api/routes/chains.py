"""Networks, tokens, and the JSON-RPC relay."""

from __future__ import annotations

import json
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.errors import InvalidInput
from api.fields import Answer, Bytes32, ChainAddress, PathChainId, Time, spelled
from api.relay import BATCH_MAX
from api.routes.problems import PROBLEM
from api.server import ServerHere
from chain.errors import NodeError

router = APIRouter(prefix="/v1", tags=["chains"], responses=PROBLEM)


class NativeAnswer(Answer):
    symbol: str = Field(examples=["ETH"])
    decimals: int = Field(examples=[18])


class ChainAnswer(Answer):
    """`genesis` is block 0's hash: test chains share an id, and this tells them apart."""

    chain_id: int = Field(examples=[31337])
    name: str = Field(examples=["Devnet"])
    native: NativeAnswer
    rpc: str = Field(examples=["/v1/rpc/31337"])
    state: Literal["current", "unreachable"]
    block: int | None
    genesis: Bytes32 | None


class ChainsAnswer(Answer):
    chains: list[ChainAnswer]


class TokenAnswer(Answer):
    """`chainId` is the standard's spelling of `chain_id`."""

    chain_id: int = Field(examples=[31337])
    chainId: int = Field(examples=[31337])
    address: ChainAddress
    symbol: str = Field(examples=["DUSD"])
    name: str = Field(examples=["Demo Dollar"])
    decimals: int = Field(examples=[6])


class VersionAnswer(Answer):
    major: int = Field(examples=[1])
    minor: int = Field(examples=[0])
    patch: int = Field(examples=[0])


class TokensAnswer(Answer):
    """A list of the Token Lists standard (tokenlists.org)."""

    name: str = Field(examples=["Tandem demo tokens"])
    timestamp: Time
    version: VersionAnswer
    tokens: list[TokenAnswer]


_CALL = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
_CALL_SCHEMA = {
    "type": "object",
    "required": ["jsonrpc", "id", "method"],
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
        "method": {"type": "string"},
        "params": {"type": "array"},
    },
}
_RPC_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        _CALL_SCHEMA,
                        {"type": "array", "minItems": 1, "maxItems": BATCH_MAX, "items": _CALL_SCHEMA},
                    ]
                },
                "example": _CALL,
            }
        },
    }
}


@router.get("/chains")
async def chains(server: ServerHere) -> ChainsAnswer:
    """The networks that are served, and whether their node answers."""
    settings, block, genesis = server.settings, None, None
    try:
        identity = await server.node.check()
        block, genesis = await server.node.height(), identity.genesis_hash
    except NodeError:
        block = genesis = None
    native = server.tokens[0]
    return ChainsAnswer(
        chains=[
            ChainAnswer(
                chain_id=settings.chain_id,
                name=settings.chain_name,
                native=NativeAnswer(symbol=native.symbol, decimals=native.decimals),
                rpc=f"/v1/rpc/{settings.chain_id}",
                state="unreachable" if genesis is None else "current",
                block=block,
                genesis=None if genesis is None else spelled(genesis),
            )
        ]
    )


@router.get("/tokens")
async def tokens(server: ServerHere) -> TokensAnswer:
    """The tokens that this server shows. A client goes by its own list; names here are claims."""
    listed = [
        TokenAnswer(
            chain_id=token.chain_id,
            chainId=token.chain_id,
            address=token.address,
            symbol=token.symbol,
            name=token.name,
            decimals=token.decimals,
        )
        for token in server.tokens
        if token.address is not None
    ]
    registry = server.registry
    major, minor, patch = registry.version
    return TokensAnswer(
        name=registry.name,
        timestamp=registry.timestamp,
        version=VersionAnswer(major=major, minor=minor, patch=patch),
        tokens=listed,
    )


@router.post("/rpc/{chain_id}", openapi_extra=_RPC_BODY, response_class=Response)
async def rpc(chain_id: PathChainId, server: ServerHere, request: Request) -> Response:
    """JSON-RPC 2.0, one call or a batch, to the server's node. Listed methods only; each call counts."""
    server.check_chain(chain_id)
    body = await request.body()
    if not body:
        raise InvalidInput(("body", "is missing"))
    document = json.loads(body)  # strict already: the edge has read it
    calls = min(len(document), BATCH_MAX) if isinstance(document, list) else 1
    server.limit(request, max(1, calls))
    answer = await server.relay.answer(document)
    return Response(json.dumps(answer, separators=(",", ":")), media_type="application/json")
