"""TandemAccount where others expect eth-account's: same signatures, web3.py's middleware, and no key anywhere."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.middleware import SignAndSendRawMiddlewareBuilder

from chain.devnet import Devnet
from chain.errors import TransactionMalformed
from wallet.account import TandemAccount
from wallet.door import Door
from wallet.errors import AccountUnknown, BytesNotUnderstood, DigestDiffers, SignerLocked, SignerLost
from wallet.signing import Signer

JUNK = "test test test test test test test test test test test junk"
PASSWORD = "correct horse battery"
ALICE = Account.from_key("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
FIELDS = {
    "chainId": 31337, "to": BOB, "value": 5, "nonce": 0, "gas": 50_000, "maxFeePerGas": 3 * 10**9,
    "maxPriorityFeePerGas": 10**9, "data": "0x1234", "type": 2,
    "accessList": [{"address": BOB, "storageKeys": ["0x" + "01" * 32]}],
}  # fmt: skip
DOMAIN = {"name": "Mail", "version": "1", "chainId": 31337, "verifyingContract": BOB}
TYPES = {
    "Person": [{"name": "name", "type": "string"}, {"name": "key", "type": "bytes32"}],
    "Letter": [{"name": "to", "type": "Person[]"}, {"name": "pages", "type": "uint256"}],
}
MESSAGE = {"to": [{"name": "Bob", "key": b"\x07" * 32}], "pages": 3}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A running client in a thread: its door, and an unlocked signer behind it."""
    home = tmp_path_factory.mktemp("home")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    signer = Signer(home)
    door = Door(home, signer)

    async def start():
        await signer.restore(JUNK, PASSWORD, profile="light")
        await signer.add_account()
        await signer.edit_account((await signer.accounts())[1], name="Second")
        await door.open()

    async def stop():
        await door.close()
        await signer.close()

    asyncio.run_coroutine_threadsafe(start(), loop).result(60)
    yield home
    asyncio.run_coroutine_threadsafe(stop(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@pytest.fixture
def account(home):
    return TandemAccount(home=home)


def test_it_signs_as_eth_account_signs(account):
    assert isinstance(account, LocalAccount) and account.address == ALICE.address
    assert account.sign_transaction(FIELDS) == ALICE.sign_transaction(FIELDS)
    for text in ("hello", "", "日本" * 100):
        message = encode_defunct(text=text)
        assert account.sign_message(message) == ALICE.sign_message(message)
    assert account.sign_typed_data(DOMAIN, TYPES, MESSAGE) == ALICE.sign_typed_data(DOMAIN, TYPES, MESSAGE)
    whole = {
        "types": {"EIP712Domain": [{"name": "name", "type": "string"}], "A": [{"name": "x", "type": "uint8"}]},
        "primaryType": "A",
        "domain": {"name": "x"},
        "message": {"x": 5},
    }
    assert account.sign_typed_data(full_message=whole) == ALICE.sign_typed_data(full_message=whole)


def test_it_signs_legacy_and_access_list_transactions_too(account):
    plain = {name: value for name, value in FIELDS.items() if not name.startswith("max") and name != "type"}
    access = [{"address": BOB, "storageKeys": ["0x" + 64 * "7"]}]
    for more in ({"gasPrice": 7}, {"gasPrice": 7, "type": 1}, {"gasPrice": 7, "type": "0x1", "accessList": access}):
        assert account.sign_transaction({**plain, **more}) == ALICE.sign_transaction({**plain, **more})
    for wrong in ({"type": 2, "gasPrice": 7}, {"type": 0}, {"type": 0, "gasPrice": 7, "accessList": access}):
        with pytest.raises((BytesNotUnderstood, TransactionMalformed)):
            account.sign_transaction({**plain, **wrong})


def test_web3_sends_through_it(account):
    async def chain():
        async with Devnet.start("anvil") as devnet:
            return await asyncio.to_thread(use, devnet.url)

    def use(url):
        w3 = Web3(Web3.HTTPProvider(url))
        w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(account), layer=0)
        w3.eth.default_account = account.address
        sent = w3.eth.send_transaction({"from": account.address, "to": BOB, "value": 12345})
        return w3.eth.wait_for_transaction_receipt(sent)["status"], w3.eth.get_transaction(sent)["from"]

    assert asyncio.run(chain()) == (1, ALICE.address)


def test_fifty_at_once_have_numbers_in_a_row(account):
    async def chain():
        async with Devnet.start("anvil") as devnet:
            return await asyncio.to_thread(use, devnet.url)

    def use(url):
        w3 = Web3(Web3.HTTPProvider(url))
        w3.provider.make_request("evm_setAutomine", [False])
        first = w3.eth.get_transaction_count(account.address)
        paid = {"to": BOB, "value": 1, "gas": 21_000}
        with ThreadPoolExecutor(50) as pool:
            sent = list(pool.map(lambda _number: account.send_transaction(w3, paid), range(50)))
        w3.provider.make_request("evm_mine", [])
        numbers = sorted(w3.eth.get_transaction(one)["nonce"] for one in sent)
        return numbers == list(range(first, first + 50)), len(set(sent)), w3.eth.get_transaction_count(account.address)

    in_a_row, different, count = asyncio.run(chain())
    assert (in_a_row, different, count) == (True, 50, 50)


def test_it_works_inside_a_running_loop_and_from_threads(account):
    async def many():
        inside = account.sign_message(encode_defunct(text="x"))
        others = await asyncio.gather(
            *(asyncio.to_thread(account.sign_message, encode_defunct(text=str(n))) for n in range(20))
        )
        return inside, others

    inside, others = asyncio.run(many())
    assert inside == ALICE.sign_message(encode_defunct(text="x"))
    assert [one.signature for one in others] == [
        ALICE.sign_message(encode_defunct(text=str(n))).signature for n in range(20)
    ]


def test_another_account_by_name_address_or_number(home):
    for which in ("second", 1, "1", BOB):
        assert TandemAccount(which, home).address == BOB
    with pytest.raises(AccountUnknown):
        TandemAccount("third", home)


def test_no_key_comes_out_of_it(account):
    for tried in (lambda: account.key, lambda: account.encrypt("x"), lambda: bytes(account)):
        with pytest.raises((AttributeError, TypeError)):
            tried()
    assert not hasattr(account, "_private_key") and "Account(0x" in repr(account)
    with pytest.raises(BytesNotUnderstood):
        account.unsafe_sign_hash(b"\x01" * 32)
    with pytest.raises(BytesNotUnderstood):
        account.sign_authorization({"chainId": 1, "address": BOB, "nonce": 0})


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"gasPrice": 5}, BytesNotUnderstood),
        ({"type": 1}, BytesNotUnderstood),
        ({"type": 4}, BytesNotUnderstood),
        ({"authorizationList": []}, BytesNotUnderstood),
        ({"from": BOB}, BytesNotUnderstood),
        ({"value": 1.5}, BytesNotUnderstood),
        ({"value": True}, BytesNotUnderstood),
        ({"nonce": None}, BytesNotUnderstood),
        ({"chainId": 0}, TransactionMalformed),
        ({"maxPriorityFeePerGas": 10**12}, TransactionMalformed),
    ],
)
def test_other_transactions_are_refused(account, change, error):
    with pytest.raises(error):
        account.sign_transaction({**FIELDS, **change})
    with pytest.raises(BytesNotUnderstood):
        account.sign_transaction({name: FIELDS[name] for name in FIELDS if name != "gas"})


def test_what_only_its_hash_is_known_of_is_refused(account):
    with pytest.raises(BytesNotUnderstood):
        account.sign_message(encode_typed_data(DOMAIN, TYPES, MESSAGE))
    forged = encode_defunct(text="x")._replace(header=b"thereum Signed Message:\n2")
    with pytest.raises(BytesNotUnderstood):
        account.sign_message(forged)


def test_typed_data_is_read_strictly_and_never_our_ledgers(account):
    with pytest.raises(BytesNotUnderstood):
        account.sign_typed_data(DOMAIN, TYPES, {**MESSAGE, "pages": 2**256})
    with pytest.raises(BytesNotUnderstood):
        account.sign_typed_data(DOMAIN, {**TYPES, "Person": [*TYPES["Person"], TYPES["Person"][0]]}, MESSAGE)
    with pytest.raises(BytesNotUnderstood):
        account.sign_typed_data(DOMAIN, {**TYPES, "Other": []}, MESSAGE)
    with pytest.raises(BytesNotUnderstood):
        account.sign_typed_data({"name": "Tandem Ledger", "version": "1"}, TYPES, MESSAGE)


def test_the_signer_decides_by_itself(account, home):
    """A digest that is not the bytes' own is the signer's to refuse, whatever this object would send."""
    with pytest.raises(DigestDiffers):
        account._signed("sign_message", b"\x01" * 32, data="0x1234")


def test_without_a_client_or_a_password_it_says_so(tmp_path):
    with pytest.raises(SignerLost):
        TandemAccount(home=tmp_path)

    async def locked():
        async with Signer(tmp_path) as signer:
            await signer.restore(JUNK, PASSWORD, profile="light")
            await signer.lock()
            async with Door(tmp_path, signer):
                with pytest.raises(SignerLocked):
                    await asyncio.to_thread(TandemAccount, 0, tmp_path)

    asyncio.run(locked())
