"""The provider: what each of the wallet's own methods does. Reads go to the client's chain's node as they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version

from chain.erc20 import decode_uint
from chain.errors import ChainError, CalldataMalformed
from chain.calldata import encode_call
from fiat.signature import recover
from wallet.approvals import Kind
from wallet.dapp_batches import Batches
from wallet.dapp_failures import refusal_of
from wallet.dapp_feeds import Feeds
from wallet.dapp_host import Host, Session
from wallet.dapp_methods import How, how
from wallet.dapp_params import Asset, read_asset, read_new_chain, read_recover, read_switch
from wallet.dapp_signing import Signing
from wallet.desk import Proposal, Settled
from wallet.errors import InputMalformed, RpcRefused, WalletError
from wallet.networks import add_network
from wallet.permissions import permitted_account, read_requested, told
from wallet.review_door import review_add_chain, review_connect, review_switch_chain, review_watch_asset
from wallet.rpc import Answer, Code, Params, Request, answered, bad_params, failed
from wallet.signable import message_digest

_DECIMALS = encode_call("decimals()")
Method = Callable[[Session, Params], Awaitable[object]]
