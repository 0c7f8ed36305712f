"""The parent's end with a real signer process: its life, and what is left of secrets in the parent: nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from eth_account import Account

from chain.address import Address
from chain.transaction import TransactionRequest
from fiat.signature import recover
from wallet.errors import SignerLocked, SignerLost, SignerUnsafe, VaultUnopened
from wallet.frames import pack
from wallet.hd import KeyTree
from wallet.mnemonic import Mnemonic
from wallet.signable import read_message, read_order, read_sign_in, read_typed_data
from wallet.signer import _safe
from wallet.signing import VAULT_NAME, Phrase, Signer
from wallet.siwe import SignInText
from wallet.vault import Vault
from wallet.vault_format import AccountEntry, Contents, Profile, Public

PASSWORD = "correct horse battery"
LEDGER = bytes(range(32))
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
REQUEST = TransactionRequest(31337, BOB, 1, nonce=0, max_priority_fee_per_gas=1, max_fee_per_gas=2, gas=21000)


@pytest.fixture
def home(tmp_path):
    """With the vault of a new phrase, which no parent has ever seen."""
    return made(tmp_path)[0]


def made(home):
    mnemonic = Mnemonic.generate(12)
    keys = KeyTree(mnemonic.seed())
    public = Public(keys.root().address, (AccountEntry("m/44'/60'/0'/0/0", keys.account(0).address),), False)
    Vault.create(home / VAULT_NAME, PASSWORD, Contents.of(mnemonic), public, Profile.LIGHT)
    return home, mnemonic, keys


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ends(pid, seconds=60):
    deadline = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


async def test_a_wallets_life(tmp_path):
    async with Signer(tmp_path) as signer:
        assert (await signer.status()).vault is False
        phrase = await signer.create(12, PASSWORD, profile="light")
        assert len(phrase.words) == len(phrase.gloss) == 12
        assert phrase.words[0] not in repr(phrase)
        status = await signer.prove_backup({1: phrase.words[0], 5: phrase.words[4], 12: phrase.words[11]})
        assert status.backed_up and status.unlocked and len(status.accounts) == 1
        assert status.protections == ("no-core", "not-dumpable", "no-new-privileges", "no-sockets")
        root, (account,) = await signer.root_address(), await signer.accounts()
        signed = await signer.sign_transaction(REQUEST.unsigned_payload, account, REQUEST.signing_hash)
        assert signed.sender == account

        text = sign_in_text(root)
        signature = await signer.sign_in(text, root, read_sign_in(text).digest)
        assert recover(read_sign_in(text).digest, signature) == root.raw
        message = await signer.sign_message(b"hello", account, read_message(b"hello").digest)
        assert recover(read_message(b"hello").digest, message) == account.raw
        fields = {"types": {"Note": [{"name": "n", "type": "uint8"}]}, "primaryType": "Note", "message": {"n": 1}}
        document = json.dumps(fields)
        typed = await signer.sign_typed_data(document, account, read_typed_data(document).digest)
        assert recover(read_typed_data(document).digest, typed) == account.raw
        order = {"holder": "0x" + "22" * 32, "chainId": "31337", "account": account.lower(), "validBefore": "9"}
        digest = read_order("LedgerAddress", LEDGER, order).digest
        assert recover(digest, await signer.sign_order("LedgerAddress", LEDGER, order, root, digest)) == root.raw

        pid = signer.pid
        await signer.lock()
        assert ends(pid)
        with pytest.raises(SignerLocked):
            await signer.sign_transaction(REQUEST.unsigned_payload, account, REQUEST.signing_hash)
        with pytest.raises(VaultUnopened):
            await signer.unlock("wrong password")
        assert (await signer.unlock(PASSWORD)).unlocked
        assert len((await signer.add_account()).accounts) == 2
        assert await signer.reveal(PASSWORD) == phrase
        pid = signer.pid
    assert ends(pid)


def sign_in_text(address):
    return SignInText(
        domain="localhost:8000",
        address=address,
        uri="http://localhost:8000",
        chain_id=31337,
        nonce="abcdef123456",
        issued_at="2026-01-02T03:04:05Z",
    ).text


async def test_ends_when_idle_and_asking_its_status_does_not_keep_it(home):
    async with Signer(home, idle_seconds=1.5) as signer:
        started = time.monotonic()
        account = (await signer.unlock(PASSWORD)).accounts[0]
        pid = signer.pid
        while is_running(pid) and time.monotonic() - started < 30:
            with suppress(SignerLost):  # asked in the very moment in which it ends
                await signer.status()
            await asyncio.sleep(0.1)
        assert not is_running(pid)
        assert time.monotonic() - started > 1.5, "it was used, so it stays that long"
        with pytest.raises(SignerLocked):
            await signer.sign_transaction(REQUEST.unsigned_payload, account, REQUEST.signing_hash)


async def test_calls_at_once_get_their_own_answers_and_a_cancelled_one_gives_its_to_nobody(home):
    async with Signer(home) as signer:
        unlocking = asyncio.create_task(signer.unlock(PASSWORD))
        while signer.pid is None:  # noqa: ASYNC110  # a process has no event
            await asyncio.sleep(0)
        unlocking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await unlocking
        account = (await signer.status()).accounts[0]
        assert (await signer.unlock(PASSWORD)).unlocked
        requests = [
            TransactionRequest(31337, BOB, n, nonce=n, max_priority_fee_per_gas=1, max_fee_per_gas=2, gas=21000)
            for n in range(20)
        ]
        signed = await asyncio.gather(
            *(signer.sign_transaction(r.unsigned_payload, account, r.signing_hash) for r in requests)
        )
        assert [one.request.nonce for one in signed] == list(range(20))


async def test_a_signer_that_is_killed_is_lost_then_locked(home):
    async with Signer(home) as signer:
        await signer.unlock(PASSWORD)
        asking = asyncio.create_task(signer.unlock(PASSWORD))
        os.kill(signer.pid, signal.SIGKILL)
        with pytest.raises(SignerLost):
            await asking
        assert (await signer.status()).unlocked is False


async def test_an_interrupt_at_the_terminal_is_the_parents_to_hear(home):
    async with Signer(home) as signer:
        await signer.unlock(PASSWORD)
        assert os.getsid(signer.pid) == signer.pid != os.getsid(0)


async def test_what_other_programs_see_of_it_holds_no_secret(home):
    async with Signer(home) as signer:
        await signer.unlock(PASSWORD)
        command = Path(f"/proc/{signer.pid}/cmdline").read_bytes()
        assert PASSWORD.encode() not in command and b"wallet.signer" in command
        status = Path(f"/proc/{signer.pid}/status").read_text()
        assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status
        if os.geteuid() == 0:  # nobody else may read its environment
            names = {pair.partition(b"=")[0] for pair in Path(f"/proc/{signer.pid}/environ").read_bytes().split(b"\0")}
            assert names <= {b"LANG", b"LD_LIBRARY_PATH", b"LC_CTYPE", b""}


PARENT = """
import asyncio, sys
from pathlib import Path
from chain.address import Address
from chain.transaction import TransactionRequest
from wallet.signing import Signer

async def main():
    home, password, count, phrase = Path(sys.argv[1]), *sys.stdin.readline().rstrip("\\n").split("|")
    signer = Signer(home)
    accounts = (await signer.unlock(password)).accounts
    for nonce in range(int(count)):
        to = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
        r = TransactionRequest(31337, to, 1, nonce=nonce, max_priority_fee_per_gas=1, max_fee_per_gas=2, gas=21000)
        await signer.sign_transaction(r.unsigned_payload, accounts[0], r.signing_hash)
    print(signer.pid, flush=True)
    await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
"""


class Parent:
    def __init__(self, home, count, phrase=""):
        self.process = subprocess.Popen(
            [sys.executable, "-c", PARENT, home], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.process.stdin.write(f"{PASSWORD}|{count}|{phrase}\n")
        self.process.stdin.flush()
        self.child = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def found_in(pid, needles):
    """How often each secret stands in the writable memory of a process."""
    hits = dict.fromkeys(needles, 0)
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, mode, *_ = line.split()
            if not mode.startswith("rw"):
                continue
            start, end = (int(bound, 16) for bound in span.split("-"))
            memory.seek(start)
            held = memory.read(end - start)
            for name, needle in needles.items():
                hits[name] += held.count(needle)
    return hits


def needles_of(mnemonic, keys):
    seed = mnemonic.seed().raw
    raw = {
        "entropy": mnemonic.entropy,
        "seed": seed,
        "half a seed": seed[:32],
        "root key": keys.root().raw,
        "account key": keys.account(0).raw,
    }
    words = {"phrase": " ".join(mnemonic.words).encode(), "half a phrase": " ".join(mnemonic.words[3:9]).encode()}
    listed = {"listed words": json.dumps(mnemonic.words)[1:-1].encode()}
    little = {f"{name}, reversed": needle[::-1] for name, needle in raw.items()}
    return {**raw, **words, **listed, **little, **{f"{n} in hex": needle.hex().encode() for n, needle in raw.items()}}


def test_the_parent_holds_no_key_after_a_hundred_signatures(tmp_path):
    home, mnemonic, keys = made(tmp_path)
    with Parent(home, 100) as parent:
        hits = found_in(parent.process.pid, needles_of(mnemonic, keys))
        assert set(hits.values()) == {0}, hits
        control = found_in(
            parent.process.pid, {"password": PASSWORD.encode(), "account": keys.account(0).address.encode()}
        )
        assert all(control.values()), "the scan does not see what the parent does hold"
        if os.geteuid() == 0:  # nobody else can look: see test_sandbox
            held = found_in(parent.child, needles_of(mnemonic, keys))
            assert held["account key"] and held["seed"] and held["entropy"], held


KEEPER = """
import asyncio, json, sys
from pathlib import Path
from wallet.signing import Signer
from wallet.state_backup import write_backup

async def main():
    home, password = Path(sys.argv[1]), sys.stdin.readline().strip()
    document = (home / "keystore").read_text()
    signer = Signer(home)
    await signer.unlock(password)
    status = await signer.add_keystore(document, "of the keystore", "Old key")
    await signer.addresses(0, [f"m/44'/60'/0'/0/{n}" for n in range(200)])
    await signer.find(0, status.accounts[1], ["m/0"])
    await signer.make_keystore(status.accounts[0], password, "another password")
    await signer.change_password(password, "changed password", profile="light")
    await write_backup(signer, "changed password", home, home / "backup")
    print(signer.pid, flush=True)
    await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
"""


def test_the_parent_holds_no_key_after_one_came_in_went_out_and_was_backed_up(tmp_path):
    """What crosses its pipe is sealed: a keystore in, a keystore and a backup out."""
    home, mnemonic, keys = made(tmp_path)
    imported = os.urandom(32)
    sealed = Account.encrypt(imported, "of the keystore", kdf="scrypt", iterations=2)
    (home / "keystore").write_text(json.dumps(sealed))
    parent = subprocess.Popen(
        [sys.executable, "-c", KEEPER, home], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        parent.stdin.write(PASSWORD + "\n")
        parent.stdin.flush()
        child = int(parent.stdout.readline())
        needles = {**needles_of(mnemonic, keys), "imported": imported, "imported in hex": imported.hex().encode()}
        hits = found_in(parent.pid, needles)
        assert set(hits.values()) == {0}, hits
        assert found_in(parent.pid, {"address": sealed["address"].encode()})["address"], "the control"
        if os.geteuid() == 0:
            assert found_in(child, needles)["imported"]
    finally:
        parent.kill()
        parent.communicate()


def test_the_scan_sees_a_phrase_that_a_parent_was_given(tmp_path):
    home, mnemonic, keys = made(tmp_path)
    with Parent(home, 0, phrase=mnemonic.text) as parent:
        hits = found_in(parent.process.pid, needles_of(mnemonic, keys))
        assert hits["phrase"] and hits["half a phrase"]
        assert not hits["account key"]


def test_it_ends_with_its_parent(home):
    with Parent(home, 0) as parent:
        assert is_running(parent.child)
        parent.process.send_signal(signal.SIGKILL)
        assert ends(parent.child)


def test_the_parents_end_imports_no_key_code():
    code = (
        "import sys, wallet.signing, wallet.door, wallet.signable; "
        "keys = 'wallet.mnemonic', 'wallet.hd', 'wallet.vault', 'wallet.signer', 'bip_utils', 'eth_account'; "
        "print([name for name in keys if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"


@pytest.mark.parametrize("sent", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02{]", b"\x00\x00\x00\x02[]"])
async def test_garbage_ends_it_without_a_word(home, sent):
    async with Signer(home) as signer:
        await signer.start()
        signer._channel.writer.write(sent)
        assert await signer._channel.reader.read() == b""
        assert ends(signer.pid or 0)


def test_it_refuses_to_start_on_another_curve_library(monkeypatch):
    monkeypatch.setattr("wallet.signer.PrivateKey.sign", lambda key, digest: bytes(65))
    with pytest.raises(SignerUnsafe) as caught:
        _safe()
    assert caught.value.reason == "curve library"


# What a machine looks like whose libsecp256k1 was lost in an upgrade.
WITHOUT_COINCURVE = """
import json, runpy, socket, sys
from importlib.abc import MetaPathFinder
class Hidden(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == "coincurve" and "hidden" in sys.argv:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Hidden())
"""
EVERYBODY_ELSE = """
from eth_account import Account
print(type(Account._keys.backend).__name__, Account.unsafe_sign_hash(b"\\x24" * 32, b"\\x42" * 32).signature.hex()[:8])
"""
OUR_SIGNER = """
ours, theirs = socket.socketpair()
ours.sendall(bytes.fromhex(sys.argv.pop()))
sys.argv = ["signer", str(theirs.fileno()), "1", "/nonexistent/vault.json", *sys.argv[1:]]
runpy.run_module("wallet.signer", run_name="__main__")
"""


@pytest.mark.parametrize(("mark", "backend"), [("shown", "CoinCurveECCBackend"), ("hidden", "NativeECCBackend")])
def test_eth_account_falls_back_without_a_word(mark, backend):
    """The control: without libsecp256k1 it signs on, in Python alone. What it signs is the same."""
    done = in_python(WITHOUT_COINCURVE + EVERYBODY_ELSE, mark)
    assert done.returncode == 0 and done.stdout.split() == [backend, "1da4c975"]


def test_without_libsecp256k1_the_signer_does_not_start():
    status = pack({"call": "status", "with": {}}).hex()
    started = in_python(WITHOUT_COINCURVE + OUR_SIGNER, "shown", status)
    assert started.returncode == 0, "it answers until it is idle"
    refused = in_python(WITHOUT_COINCURVE + OUR_SIGNER, "hidden", status)
    assert refused.returncode == 1 and "ModuleNotFoundError: coincurve" in refused.stderr


def test_without_libsecp256k1_a_command_says_what_is_missing():
    command = "sys.argv = ['tandem', *sys.argv[2:], 'hidden']; from wallet.cli.main import main; sys.exit(main())"
    done = in_python(WITHOUT_COINCURVE + command, "hidden", "accounts")
    assert done.returncode == 1 and done.stderr.startswith("A library that Tandem needs is not there (coincurve)")
    assert len(done.stderr.splitlines()) == 1


def in_python(code, *arguments):
    command = [sys.executable, "-I", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_its_process_loads_no_other_signing_library():
    code = "import sys, wallet.signer; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = set(json.loads(in_python(code).stdout.replace("'", '"')))
    assert "coincurve" in loaded
    assert not loaded & {"eth_account", "eth_keys", "bip_utils", "ecdsa", "py_ecc", "web3", "aiohttp", "pydantic"}


def test_it_refuses_to_start_unless_isolated():
    with pytest.raises(SignerUnsafe) as caught:
        _safe()  # the tests' own interpreter is not
    assert caught.value.reason == "interpreter flags"


def test_a_phrase_prints_stars():
    assert repr(Phrase(("a",), ("b",), "english")) == str(Phrase(("a",), ("b",), "english")) == "Phrase(***)"
