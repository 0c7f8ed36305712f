"""Programs of this machine at the endpoint that `tandem pair` named for them: cast, Hardhat and web3.py."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from web3 import HTTPProvider, Web3
from web3.exceptions import Web3RPCError

from tests.browser.pages import ROOT
from tests.browser.play import balance

CAST = ROOT / "node_modules" / ".bin" / "cast"
HARDHAT = ROOT / "node_modules" / "hardhat" / "internal" / "cli" / "bootstrap.js"
PROGRAMS = Path(__file__).parent / "programs"
TYPED = {
    "domain": {"name": "Programs", "version": "1", "chainId": 31337},
    "types": {
        "EIP712Domain": [
            {"name": "name", "type": "string"},
            {"name": "version", "type": "string"},
            {"name": "chainId", "type": "uint256"},
        ],
        "Note": [{"name": "text", "type": "string"}],
    },
    "primaryType": "Note",
    "message": {"text": "Hi from web3.py"},
}


@pytest.fixture
def payee():
    return Web3.to_checksum_address(secrets.token_bytes(20))


class Running:
    """A program that runs while the person answers."""

    def __init__(self, command, **environ):
        self._process = subprocess.Popen(
            command,
            cwd=PROGRAMS,
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "NO_COLOR": "1", **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def done(self):
        """Its output; it must have ended well."""
        out, err = self._process.communicate()
        assert self._process.returncode == 0, out + err
        return out.strip()

    def failed(self):
        """What it complained about; it must have."""
        out, err = self._process.communicate()
        assert self._process.returncode != 0, out
        return err


def test_cast(client, chain_url, payee):
    url = client.tandem("pair", "cast")["url"]

    def cast(*arguments):
        return Running([str(CAST), *arguments, "--rpc-url", url])

    connecting = cast("rpc", "eth_requestAccounts")
    assert client.approve("connect")["client"]["name"] == "cast"
    assert json.loads(connecting.done()) == [client.account]

    signing = cast("rpc", "personal_sign", "0x" + b"Hi from cast".hex(), client.account)
    client.approve("sign_message")
    signature = json.loads(signing.done())
    verified = Running([str(CAST), "wallet", "verify", "--address", client.account, "Hi from cast", signature]).done()
    assert "succeeded" in verified

    sending = cast("send", "--unlocked", "--from", client.account, payee, "--value", "12345", "--json")
    client.approve("send_transaction")
    assert json.loads(sending.done())["status"] == "0x1"
    assert balance(chain_url, payee) == 12345

    declined = cast("send", "--unlocked", "--from", client.account, payee, "--value", "1")
    client.decline("send_transaction")
    assert "4001" in declined.failed()


def test_hardhat_as_a_network(client, chain_url, payee):
    url = client.tandem("pair", "hardhat")["url"]
    command = ["node", str(HARDHAT), "--config", str(PROGRAMS / "hardhat.config.js")]
    script = Running(
        [*command, "run", "--no-compile", str(PROGRAMS / "hardhat_send.js")],
        TANDEM_URL=url,
        PAYEE=payee,
        HARDHAT_DISABLE_TELEMETRY_PROMPT="true",
    )
    client.approve("connect")
    client.approve("sign_message")
    client.approve("send_transaction")
    client.decline("send_transaction")
    told = json.loads(script.done().splitlines()[-1])
    assert (told["account"], told["declined"]) == (client.account, 4001)
    recovered = Account.recover_message(encode_defunct(text="Hi from Hardhat"), signature=told["signature"])
    assert recovered.lower() == client.account
    assert balance(chain_url, payee) == 12345


def test_web3_py(client, chain_url, payee):
    web3 = Web3(HTTPProvider(client.tandem("pair", "web3py")["url"], request_kwargs={"timeout": 60}))
    with ThreadPoolExecutor(1) as thread:
        connecting = thread.submit(web3.provider.make_request, "eth_requestAccounts", [])
        client.approve("connect")
        assert connecting.result()["result"] == [client.account]

        account = web3.eth.accounts[0]
        signing = thread.submit(web3.eth.sign_typed_data, account, json.dumps(TYPED))
        client.approve("sign_typed_data")
        signer = Account.recover_message(encode_typed_data(full_message=TYPED), signature=signing.result())
        assert signer.lower() == client.account

        sending = thread.submit(web3.eth.send_transaction, {"from": account, "to": payee, "value": 12345})
        client.approve("send_transaction")
        assert web3.eth.wait_for_transaction_receipt(sending.result())["status"] == 1
        assert balance(chain_url, payee) == 12345

        declined = thread.submit(web3.eth.send_transaction, {"from": account, "to": payee, "value": 1})
        client.decline("send_transaction")
        with pytest.raises(Web3RPCError) as refused:
            declined.result()
        assert refused.value.rpc_response["error"]["code"] == 4001
