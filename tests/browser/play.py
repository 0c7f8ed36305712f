"""What every page does, whichever library it uses and whichever way it came: connect, sign, send, and hear a no."""

from __future__ import annotations

import secrets
from typing import Any

from tests.browser.browser import Dapp
from tests.browser.client import Client, post
from tests.browser.firefox import Page

Told = dict[str, tuple[str, Any]]

# How each library says to its page that the person declined (EIP-1193's 4001): through a provider, and over HTTP, where
# web3.js keeps the wallet's error as the cause of its own.
DECLINED: Told = {
    "viem": ("name", "UserRejectedRequestError"),
    "wagmi": ("name", "UserRejectedRequestError"),
    "ethers": ("code", "ACTION_REJECTED"),
    "web3": ("code", 4001),
}
DECLINED_OVER_HTTP = DECLINED | {"web3": ("cause", 4001)}
# viem wraps a transaction's refusal once more.
SENDING = {"viem": ("cause", 4001), "wagmi": ("cause", 4001)}


def balance(chain_url: str, address: str) -> int:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBalance", "params": [address, "latest"]}
    return int(post(chain_url, asked)["result"], 16)


def play(
    dapp: Dapp | Page, client: Client, chain_url: str, library: str, origin: str, declined: Told = DECLINED
) -> None:
    """`declined` is how the libraries say it that way."""
    payee = "0x" + secrets.token_hex(20)

    dapp.start("connect")
    assert client.approve("connect")["origin"] == origin
    assert dapp.result() == client.account

    dapp.start("signMessage", f"Hello from {library}")
    client.approve("sign_message")
    assert dapp.result()["verified"] is True

    dapp.start("signTyped")
    client.approve("sign_typed_data")
    assert dapp.result()["verified"] is True

    dapp.start("send", payee, "12345")
    client.approve("send_transaction")
    assert dapp.result()["status"] == "success"
    assert balance(chain_url, payee) == 12345

    for act, kind, told in (
        (("signMessage", "no"), "sign_message", declined),
        (("signTyped",), "sign_typed_data", declined),
        (("send", payee, "1"), "send_transaction", declined | SENDING),
    ):
        dapp.start(*act)
        client.decline(kind)
        member, value = told[library]
        failed = dapp.result()["failed"]
        assert failed[member] == value, failed
    assert balance(chain_url, payee) == 12345
