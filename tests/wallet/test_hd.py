"""BIP-32 and BIP-44 against the standard's vectors, ethers' and everyone's test phrase."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from bip_utils import Base58Decoder

from wallet.hd import ACCOUNTS_MAX, ROOT_PATH, DerivationPath, KeyTree, PrivateKey, derive
from wallet.mnemonic import Mnemonic, Seed, readings

ROOT = Path(__file__).parents[2]
BIP32 = json.loads((ROOT / "tests/vectors/bip32.json").read_text())["vectors"]
TESTCASES = ROOT / "node_modules/@ethersproject/testcases/testcases"
JUNK = "test test test test test test test test test test test junk"
DEV_ACCOUNTS = [  # of Anvil and Hardhat
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
]


def tree(text=JUNK):
    return KeyTree(readings(text)[0].seed())


@pytest.mark.parametrize("vector", BIP32, ids=["1", "2", "3", "4"])
def test_bip32_vectors(vector):
    seed = Seed(bytes.fromhex(vector["seed"]))
    for path, extended in vector["chains"].items():
        assert derive(seed, DerivationPath(path)) == Base58Decoder.CheckDecode(extended)[-32:]


def test_ethers_vectors():
    cases = json.loads(gzip.decompress((TESTCASES / "hdnode.json.gz").read_bytes()))
    for case in cases[::7]:
        seed = Seed(bytes.fromhex(case["seed"][2:]))
        for node in case["hdnodes"]:
            key = PrivateKey(derive(seed, DerivationPath(node["path"])))
            assert "0x" + key.raw.hex() == node["privateKey"]
            assert key.address.lower() == node["address"].lower()


def test_eip55_vectors():
    cases = json.loads(gzip.decompress((TESTCASES / "accounts.json.gz").read_bytes()))
    keyed = [case for case in cases if "privateKey" in case]
    assert len(keyed) > 100
    assert all(PrivateKey(bytes.fromhex(c["privateKey"][2:])).address == c["checksumAddress"] for c in keyed)


def test_accounts_are_where_every_wallet_has_them():
    keys = tree()
    assert [keys.account(index).address for index in range(4)] == DEV_ACCOUNTS


def test_ethers_wallets():
    cases = json.loads(gzip.decompress((TESTCASES / "wallets.json.gz").read_bytes()))
    spoken = [case for case in cases if case.get("mnemonic")]
    assert spoken
    for case in spoken:
        assert tree(case["mnemonic"]).account(0).address.lower() == case["address"].lower()


def test_the_root_key_is_hardened_all_the_way_and_no_account():
    assert ROOT_PATH == "m/44'/60'/7265'/0'"  # for ever: it names every holder
    keys = tree()
    assert keys.root().address == "0xE99437fCd67dd8537b30E82Ad8Bb53B78c1ff317"
    assert keys.root().address not in {keys.account(index).address for index in range(50)}


def test_keys_are_derived_once():
    keys = tree()
    assert keys.account(0) is keys.account(0)


@pytest.mark.parametrize(
    "text", ["", "44'/60'", "m/", "m/a", "m/2147483648", "m/-1", "m/1''", "m/ 1", "m/１", "M/0", "m" + "/1" * 11]
)
def test_paths_are_read_strictly(text):
    with pytest.raises(ValueError, match="no derivation path"):
        DerivationPath(text)


@pytest.mark.parametrize("index", [-1, ACCOUNTS_MAX])
def test_account_indexes_are_bounded(index):
    with pytest.raises(ValueError, match="index"):
        DerivationPath.account(index)


def test_secrets_print_stars():
    keys = tree()
    shown = repr(keys) + repr(keys.root()) + f"{keys.account(0)}"
    assert "***" in shown
    assert keys.account(0).raw.hex() not in shown
    assert Mnemonic(bytes(16)).seed().raw.hex() not in repr(KeyTree(Mnemonic(bytes(16)).seed()))
