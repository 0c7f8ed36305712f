"""The person's chains as the door uses them: one open node a chain, reads relayed as they are, failures as codes."""

from __future__ import annotations

from typing import Any, cast

from web3.types import RPCEndpoint

from chain.errors import ChainError
from chain.node import Node
from wallet.config import Config
from wallet.dapp_failures import refusal_of
from wallet.errors import RpcRefused
from wallet.networks import Network, current_network, networks
from wallet.rpc import Answer, Code
from wallet.state import Store


class Chains:
    """Networks are read from the files once, and when `refresh` is called. Close it."""

    def __init__(self, config: Config, store: Store) -> None:
        self._config, self._store = config, store
        self._nodes: dict[int, tuple[str, Node]] = {}
        self._checked: set[int] = set()
        self.known: dict[int, Network] = {}
        self.default = 0
        self.refresh()

    def refresh(self) -> None:
        """What `tandem networks` says now."""
        self.known = {network.chain_id: network for network in networks(self._config, self._store)}
        self.default = current_network(self._config, self._store).chain_id

    def network(self, chain_id: int) -> Network:
        """Raises RpcRefused (CHAIN_UNKNOWN)."""
        if chain_id not in self.known:
            raise RpcRefused(Code.CHAIN_UNKNOWN, f"The chain {hex(chain_id)} is not known: add it first.", None)
        return self.known[chain_id]

    def title(self, chain_id: int) -> str:
        """As reviews name it."""
        network = self.known.get(chain_id)
        return f"{network.name if network else '?'} ({chain_id})"

    async def node(self, chain_id: int) -> Node:
        """Seen to be on its chain. Raises RpcRefused (CHAIN_UNKNOWN, CHAIN_DISCONNECTED, DISCONNECTED)."""
        network = self.network(chain_id)
        kept = self._nodes.get(chain_id)
        if kept is None or kept[0] != network.url:
            if kept is not None:
                await kept[1].close()
            self._checked.discard(chain_id)
            kept = self._nodes[chain_id] = (network.url, Node(network.url, chain_id))
        if chain_id not in self._checked:
            try:
                await kept[1].check()
            except ChainError as error:
                raise self.refusal(error) from None
            self._checked.add(chain_id)
        return kept[1]

    async def relay(self, chain_id: int, method: str, params: object) -> object:
        """The node's result. Its error is raised as it came: code, message and data (RpcRefused)."""
        node = await self.node(chain_id)
        try:
            answer = cast(Answer, await node.provider.make_request(RPCEndpoint(method), params))
        except ChainError as error:
            raise self.refusal(error) from None
        refused = answer.get("error")
        if isinstance(refused, dict):
            raise _as_it_came(refused)
        return answer.get("result")

    def refusal(self, error: ChainError) -> RpcRefused:
        return refusal_of(error, only_chain=len(self.known) == 1)

    async def probe(self, url: str, chain_id: int) -> None:
        """Is a node there, and on that chain? Raises RpcRefused."""
        async with Node(url, chain_id, timeout_seconds=10) as node:
            try:
                await node.check()
            except ChainError as error:
                reason = refusal_of(error).reason
                raise RpcRefused(Code.PARAMS, f"params[0].rpcUrls: {reason}", None) from None

    async def close(self) -> None:
        for _url, node in self._nodes.values():
            await node.close()


def _as_it_came(error: dict[str, Any]) -> RpcRefused:
    code = error.get("code")
    return RpcRefused(code if type(code) is int else Code.INTERNAL, str(error.get("message", "")), error.get("data"))
