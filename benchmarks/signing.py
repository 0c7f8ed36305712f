"""What the signer costs: deriving accounts, signing transactions and typed data, against viem and cast.

CPU time in one run, ours and the peer in turn. Ours is what the signer's process does for each question on its pipe:
read the bytes, hash them, compare the digest that was reviewed, sign, recover the signer from the signature. viem, in
one process that is kept warm, encodes and signs. Both begin with the same text and every round's results are
compared byte for byte. `cast` and a process of ours derive 255 accounts from a phrase, from exec to exit.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Run as a script, this folder would come first on the path and hide the standard library's `http`.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks._figures import Figure, arguments, interleave, report  # noqa: E402  # after the path is set
from chain.transaction import TransactionRequest  # noqa: E402  # after the path is set
from wallet.hd import DerivationPath, KeyTree  # noqa: E402  # after the path is set
from wallet.mnemonic import readings  # noqa: E402  # after the path is set
from wallet.signable import read_typed_data  # noqa: E402  # after the path is set
from wallet.signer import Signer  # noqa: E402  # after the path is set

ROOT = Path(__file__).resolve().parents[1]
CAST = ROOT / "node_modules/@foundry-rs/cast-linux-amd64/bin/cast"
PHRASE = "test test test test test test test test test test test junk"  # of every local chain
COUNT = 1000


class Viem:
    """A node process that stays warm; answers with its own CPU time."""

    def __init__(self) -> None:
        script = str(ROOT / "benchmarks/_signing_peer.mjs")
        self._process = subprocess.Popen(["node", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self) -> None:
        self._process.communicate()

    def ask(self, job: str, **given: object) -> tuple[float, str]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"job": job, **given}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return float(answer["seconds"]), str(answer["outputs"])


@contextmanager
def unlocked() -> Any:
    """The signer as its process has it, in this one, with the phrase's vault open."""
    with tempfile.TemporaryDirectory() as folder:
        signer = Signer(Path(folder) / "vault.json", [])
        signer.restore(PHRASE, "", "", "correct horse battery", "light")
        yield signer


def digest_of(results: list[str]) -> str:
    return hashlib.sha256("\n".join(results).encode()).hexdigest()


class Job:
    """Both sides of one figure. Each round of either must have made the same bytes."""

    def __init__(self, viem: Viem, name: str, given: dict[str, object], work: Callable[[], list[str]]) -> None:
        self._viem, self._name, self._given, self._work = viem, name, given, work
        self._outputs: set[str] = set()

    def ours(self) -> float:
        started = time.process_time()
        results = self._work()
        taken = time.process_time() - started
        self._same(digest_of(results))
        return taken

    def peer(self) -> float:
        taken, outputs = self._viem.ask(self._name, **self._given)
        self._same(outputs)
        return taken

    def _same(self, outputs: str) -> None:
        self._outputs.add(outputs)
        if len(self._outputs) > 1:
            raise SystemExit(f"{self._name}: not the same bytes")


def deriving(viem: Viem, signer: Signer) -> Job:
    """From the seed each time: nothing that an earlier round derived is at hand."""
    seed = readings(PHRASE)[0].seed()
    paths = [DerivationPath.account(index).text for index in range(COUNT)]

    def work() -> list[str]:
        keyring = signer.open()
        keyring.trees[0] = KeyTree(seed)
        return list(keyring.addresses(0, paths))

    return Job(viem, "derive", {"seed": seed.raw.hex(), "count": COUNT}, work)


def transfers(viem: Viem, signer: Signer) -> Job:
    key = signer.open().tree(0).account(0)
    to = signer.open().tree(0).account(1).address
    requests = [
        TransactionRequest(
            1, to, n * 10**15, nonce=n, max_priority_fee_per_gas=10**9, max_fee_per_gas=30 * 10**9, gas=21000
        )
        for n in range(COUNT)
    ]
    asked = [("0x" + one.unsigned_payload.hex(), "0x" + one.signing_hash.hex()) for one in requests]
    fields = [
        {
            "chainId": one.chain_id,
            "to": one.to,
            "nonce": one.nonce,
            **{name: str(number) for name, number in _numbers(one).items()},
        }
        for one in requests
    ]

    def work() -> list[str]:
        return [str(signer.sign_transaction(payload, key.address, digest)["raw"]) for payload, digest in asked]

    return Job(viem, "transactions", {"key": "0x" + key.raw.hex(), "transactions": fields}, work)


def _numbers(one: TransactionRequest) -> dict[str, int | None]:
    fees = {"maxFeePerGas": one.max_fee_per_gas, "maxPriorityFeePerGas": one.max_priority_fee_per_gas}
    return {"value": one.value, "gas": one.gas, **fees}


def permits(viem: Viem, signer: Signer, peers_job: str) -> Job:
    """ERC-2612 permits of one token: what dApps ask for most. `peers_job` says whether viem recovers its signer too."""
    key = signer.open().tree(0).account(0)
    documents = [json.dumps(permit(key.address, n)) for n in range(COUNT)]
    asked = [(text, "0x" + read_typed_data(text).digest.hex()) for text in documents]

    def work() -> list[str]:
        return [str(signer.sign_typed_data(text, key.address, digest)["signature"]) for text, digest in asked]

    return Job(viem, peers_job, {"key": "0x" + key.raw.hex(), "documents": documents}, work)


def permit(owner: str, number: int) -> dict[str, object]:
    contract = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address"}
    members = {"owner": "address", "spender": "address", "value": "uint256", "nonce": "uint256", "deadline": "uint256"}
    token, spender = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    numbers = {"value": str(number * 10**6), "nonce": str(number), "deadline": "1800000000"}
    return {
        "types": {
            name: [{"name": member, "type": kind} for member, kind in declared.items()]
            for name, declared in (("EIP712Domain", contract), ("Permit", members))
        },
        "primaryType": "Permit",
        "domain": {"name": "USD Coin", "version": "2", "chainId": 1, "verifyingContract": token},
        "message": {"owner": owner, "spender": spender, **numbers},
    }


def cpu_of(command: list[str], given: str) -> tuple[float, str]:
    """User and system time of a whole process that must end with 0, and what it wrote."""
    with tempfile.TemporaryFile("w+") as written:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=written, text=True)
        assert process.stdin is not None
        process.stdin.write(given)
        process.stdin.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command[0]} ended with {process.returncode}")
        written.seek(0)
        return used.ru_utime + used.ru_stime, written.read()


def whole_processes(rounds: int) -> Figure:
    figure = Figure("a process that derives 255 accounts", "s CPU", "cast wallet derive", "at most", None, 1)
    mine = [sys.executable, "-I", str(ROOT / "benchmarks/_derive.py")]
    theirs = [str(CAST), "wallet", "derive", "--accounts", "255", PHRASE]
    found: list[list[str]] = [[], []]

    def ours() -> float:
        taken, text = cpu_of(mine, PHRASE)
        found[0] = text.split()
        return taken

    def peer() -> float:
        taken, text = cpu_of(theirs, "")
        found[1] = [line.split()[1] for line in text.splitlines() if line.startswith("Address:")]
        return taken

    interleave(figure, rounds, ours, peer)
    if found[0] != found[1] or len(found[0]) != 255:
        raise SystemExit("cast derives other accounts")
    return figure


def measure(rounds: int) -> list[Figure]:
    viem, figures = Viem(), []
    try:
        with unlocked() as signer:
            for name, peer, job, goal in (
                ("deriving 1,000 accounts", "@scure/bip32 + viem", deriving(viem, signer), 0.2),
                ("1,000 EIP-1559 signatures", "viem", transfers(viem, signer), 1),
                ("1,000 typed messages", "viem", permits(viem, signer, "typed"), 0.2),
                ("the same, each checked", "viem, checking too,", permits(viem, signer, "checked"), 0.2),
            ):
                figure = Figure(name, "s CPU", peer, "at most", None, goal)
                figures.append(interleave(figure, rounds, job.ours, job.peer))
    finally:
        viem.close()
    return [*figures, whole_processes(rounds)]


if __name__ == "__main__":
    asked = arguments(__doc__ or "")
    sys.exit(report(measure(5 if asked.quick else 15), as_json=asked.json))
