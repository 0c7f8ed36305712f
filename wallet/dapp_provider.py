"""The provider: what each of the wallet's own methods does. Reads go to the client's chain's node as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from chain.address import Address
from chain.calldata import encode_call
from chain.digests import message_digest
from chain.erc20 import decode_uint
from chain.errors import ChainError
from fiat.errors import FiatError
from fiat.signature import recover
from wallet.approvals import Kind
from wallet.dapp_aftermath import Aftermath
from wallet.dapp_batches import Batches
from wallet.dapp_failures import refusal_of
from wallet.dapp_feeds import Feeds
from wallet.dapp_host import Host, Session
from wallet.dapp_methods import How, how
from wallet.dapp_params import Asset, read_asset, read_new_chain, read_recover, read_switch
from wallet.dapp_signing import Signing
from wallet.errors import InputMalformed, RpcRefused, WalletError
from wallet.judgement import Subject
from wallet.networks import add_network
from wallet.permissions import in_order, read_requested, told
from wallet.prompts import Proposal, Settled
from wallet.review_door import review_add_chain, review_connect, review_switch_chain, review_watch_asset
from wallet.rpc import Answer, Code, Incoming, Params, Request, answered, bad_params, failed, reply

_DECIMALS = encode_call("decimals()")
_VERSION = "tandem"
Method = Callable[[Session, Params], Awaitable[object]]


class Provider:
    """Answers requests of sessions. Close it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._feeds = Feeds(host)
        self.aftermath = Aftermath(host)
        signing = Signing(host, self.aftermath)
        batches = Batches(host, signing, self.aftermath)
        self._methods: dict[str, Method] = {
            "eth_requestAccounts": self._request_accounts,
            "eth_accounts": self._accounts,
            "eth_coinbase": self._coinbase,
            "eth_chainId": self._chain_id,
            "net_version": self._net_version,
            "web3_clientVersion": self._client_version,
            "eth_sendTransaction": signing.send_transaction,
            "personal_sign": signing.personal_sign,
            "personal_ecRecover": self._recover,
            "eth_signTypedData": signing.sign_typed_values,
            "eth_signTypedData_v3": signing.sign_typed_data,
            "eth_signTypedData_v4": signing.sign_typed_data,
            "wallet_requestPermissions": self._request_permissions,
            "wallet_getPermissions": self._permissions,
            "wallet_revokePermissions": self._revoke_permissions,
            "wallet_addEthereumChain": self._add_chain,
            "wallet_switchEthereumChain": self._switch_chain,
            "wallet_watchAsset": self._watch_asset,
            "wallet_sendCalls": batches.send_calls,
            "wallet_getCallsStatus": batches.calls_status,
            "wallet_showCallsStatus": batches.show_calls_status,
            "wallet_getCapabilities": batches.capabilities,
            "eth_subscribe": self._feeds.subscribe,
            "eth_unsubscribe": self._feeds.unsubscribe,
        }

    async def answer(self, session: Session, incoming: Incoming) -> Sequence[Answer] | Answer | None:
        """The reply to a body, a batch's entries side by side. A notification is neither done nor answered."""
        self._host.used(session.client.key)
        entries = [e for e in incoming.entries if not (isinstance(e, Request) and e.is_notification)]
        if len(entries) == 1:
            return reply(incoming, [await self._entry(session, entries[0])])
        return reply(incoming, list(await asyncio.gather(*(self._entry(session, entry) for entry in entries))))

    async def close(self) -> None:
        await self._feeds.close()
        await self.aftermath.close()

    async def _entry(self, session: Session, entry: Request | Answer) -> Answer:
        if not isinstance(entry, Request):
            return entry
        try:
            return answered(entry.id, await self._result(session, entry))
        except (WalletError, ChainError) as error:
            return failed(entry.id, refusal_of(error))

    async def _result(self, session: Session, request: Request) -> object:
        match how(request.method):
            case How.SERVED:
                return await self._methods[request.method](session, request.params)
            case How.RELAYED:
                chain_id = self._host.chain_of(session.client)
                return await self._host.chains.relay(chain_id, request.method, request.params)
            case How.REFUSED:
                raise RpcRefused(Code.METHOD_REFUSED, f"{request.method} is never done for a client.", None)
            case How.ABSENT:
                raise RpcRefused(Code.UNSUPPORTED, f"{request.method} is not implemented here.", None)
            case How.UNKNOWN:
                raise RpcRefused(Code.METHOD, "There is no such method here.", None)

    # Accounts and permissions

    async def _request_accounts(self, session: Session, _params: Params) -> object:
        await self._connected(session)
        return list(self._host.view(session.client.key).accounts)

    async def _accounts(self, session: Session, _params: Params) -> object:
        return list(self._host.view(session.client.key).accounts)

    async def _coinbase(self, session: Session, _params: Params) -> object:
        return next(iter(self._host.view(session.client.key).accounts), None)

    async def _request_permissions(self, session: Session, params: Params) -> object:
        read_requested(params)
        await self._connected(session)
        return await self._permissions(session, params)

    async def _permissions(self, session: Session, _params: Params) -> object:
        client = session.client
        return told(self._host.book.grants, client.key, client.name or client.key)

    async def _revoke_permissions(self, session: Session, params: Params) -> object:
        read_requested(params)
        self._host.disconnect(session.client.key)
        return None

    async def _connected(self, session: Session) -> None:
        """Asks the person, unless they said yes already, even while this waited."""
        client = session.client
        if client.key in self._host.book.grants:
            return

        async def prepare() -> Proposal | Settled:
            if client.key in self._host.book.grants:
                return Settled(None)
            own, chain_id = await self._host.own_accounts(), self._host.chain_of(client)
            network = self._host.chains.title(chain_id)

            def naming(accounts: Sequence[Address]) -> Proposal:
                chosen = in_order(own, accounts)

                async def act() -> object:
                    self._host.connect(client, chosen, chain_id)
                    return None

                shown = review_connect(client, chosen, network)
                return Proposal(shown, act, Subject(Kind.CONNECT, chain_id), offered=own, naming=naming)

            return naming(own[:1])

        await self._host.desk.ask(client, Kind.CONNECT, prepare)

    # Chains

    async def _chain_id(self, session: Session, _params: Params) -> object:
        return hex(self._host.chain_of(session.client))

    async def _net_version(self, session: Session, _params: Params) -> object:
        return str(self._host.chain_of(session.client))

    async def _client_version(self, _session: Session, _params: Params) -> object:
        return _VERSION

    async def _switch_chain(self, session: Session, params: Params) -> object:
        client = session.client
        grant = self._host.grant(client)
        chain_id = read_switch(params)
        self._host.chains.network(chain_id)
        if chain_id == grant.chain_id:
            return None
        return await self._ask_to_switch(session, chain_id)

    async def _ask_to_switch(self, session: Session, chain_id: int) -> object:
        client = session.client

        async def prepare() -> Proposal | Settled:
            before = self._host.chain_of(client)
            if before == chain_id:
                return Settled(None)

            async def act() -> object:
                self._host.switch(client, chain_id)
                return None

            titles = (self._host.chains.title(before), self._host.chains.title(chain_id))
            return Proposal(review_switch_chain(client, *titles), act, Subject(Kind.SWITCH_CHAIN, chain_id))

        return await self._host.desk.ask(client, Kind.SWITCH_CHAIN, prepare)

    async def _add_chain(self, session: Session, params: Params) -> object:
        """EIP-3085. A chain that is known keeps its node; the page may only switch to it.

        Whether a node is there and on that chain is looked at once the person has said yes.
        """
        client = session.client
        grant = self._host.grant(client)
        new = read_new_chain(params)
        if new.chain_id in self._host.chains.known:
            return None if new.chain_id == grant.chain_id else await self._ask_to_switch(session, new.chain_id)

        async def prepare() -> Proposal:
            self._host.grant(client)  # it may be gone since it asked
            if new.chain_id in self._host.chains.known:
                raise RpcRefused(Code.UNAVAILABLE, "The chain is known by now: ask to switch to it.", None)

            async def act() -> object:
                if new.chain_id not in self._host.chains.known:
                    # After the yes alone: no page decides which hosts this client calls.
                    await self._host.chains.probe(new.url, new.chain_id)
                    try:
                        add_network(self._host.config, self._host.store, str(new.chain_id), new.name, new.url)
                    except InputMalformed as error:
                        raise bad_params(f"params[0]: {error.reason}") from None
                self._host.reread()
                self._host.switch(client, new.chain_id)
                return None

            return Proposal(review_add_chain(client, new), act, Subject(Kind.ADD_CHAIN, new.chain_id))

        return await self._host.desk.ask(client, Kind.ADD_CHAIN, prepare)

    # Assets and signatures

    async def _watch_asset(self, session: Session, params: Params) -> object:
        client = session.client
        chain_id = self._host.grant(client).chain_id
        asset = read_asset(params)
        if asset.standard == "ERC20":
            await self._check_decimals(chain_id, asset)

        async def prepare() -> Proposal:
            self._host.grant(client)  # it may be gone since it asked

            async def act() -> object:
                entry = {"type": asset.standard, "symbol": asset.symbol, "decimals": asset.decimals, "by": client.key}
                name = f"{asset.address}/{asset.token_id}" if asset.token_id else str(asset.address)
                folder = self._host.store.chain(chain_id)
                folder.change("watched", lambda document: document.update({name: entry}))
                return True

            shown = review_watch_asset(client, asset, self._host.chains.title(chain_id))
            return Proposal(shown, act, Subject(Kind.WATCH_ASSET, chain_id))

        return await self._host.desk.ask(client, Kind.WATCH_ASSET, prepare)

    async def _check_decimals(self, chain_id: int, asset: Asset) -> None:
        """The contract itself says how it counts (I-16). Raises RpcRefused (PARAMS)."""
        node = await self._host.chains.node(chain_id)
        try:
            decimals = decode_uint(await node.read(asset.address, _DECIMALS))
        except ChainError as error:
            refused = self._host.chains.refusal(error)
            if refused.number in (Code.DISCONNECTED, Code.CHAIN_DISCONNECTED):
                raise refused from None
            raise bad_params("params.options.address: there is no ERC-20 token on this chain") from None
        if decimals != asset.decimals:
            raise bad_params(f"params.options.decimals: the contract says {decimals}")

    async def _recover(self, _session: Session, params: Params) -> object:
        """Who signed: knows nothing of this wallet."""
        message, signature = read_recover(params)
        last = signature[64] + 27 if signature[64] < 27 else signature[64]
        try:
            return Address.from_bytes(recover(message_digest(message), signature[:64] + bytes([last]))).lower()
        except FiatError:
            raise bad_params("params[1]: the signature fits no account") from None
