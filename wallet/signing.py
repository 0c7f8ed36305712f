"""The parent's end of the signer's pipe. Imports no key code: what it knows of secrets is what a person just typed.

`Signer.connect(home)` speaks to the running client through its socket if there is one, else it starts a signer of its
own, which ends with it. Calls go one at a time; a signer that ended by itself (idle) is started anew, locked.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from chain.address import Address
from chain.errors import ChainError
from chain.transaction import SignedTransaction
from wallet.accounts import Account as OwnAccount
from wallet.accounts import read_account
from wallet.backups import Proved, Shares, ShareTexts, read_proved
from wallet.errors import SignerLost
from wallet.frames import FRAME_BYTES_MAX, Frame, receive_from, result, send_to
from wallet.peer import connect_unix

VAULT_NAME = "vault.json"
SOCKET_NAME = "client.sock"
IDLE_SECONDS = 15 * 60
_END_SECONDS = 5


@dataclass(frozen=True, slots=True)
class SignerStatus:
    """`accounts` in the person's order, `entries` what else is known of each. Without a vault there is none."""

    vault: bool
    unlocked: bool
    root: Address | None
    accounts: tuple[Address, ...]
    backed_up: bool
    protections: tuple[str, ...]
    entries: tuple[OwnAccount, ...] = ()


@dataclass(frozen=True, slots=True)
class Phrase:
    """A recovery phrase on its way to a person's eyes. `gloss` has a Chinese meaning for each English word."""

    words: tuple[str, ...] = field(repr=False)
    gloss: tuple[str, ...] = field(repr=False)
    language: str

    def __repr__(self) -> str:
        return "Phrase(***)"


@dataclass(frozen=True, slots=True)
class Reading:
    """One wallet that typed words may mean, by its language and addresses."""

    language: str
    root: Address
    accounts: tuple[Address, ...]


@dataclass(slots=True)
class _Channel:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    process: asyncio.subprocess.Process | None = None

    @property
    def is_gone(self) -> bool:
        """The other end hung up, or was killed."""
        return self.reader.at_eof() or self.reader.exception() is not None

    async def close(self) -> None:
        """Hang up; a child of ours ends by that, or is ended."""
        self.writer.close()
        if self.process is not None:
            try:
                await asyncio.wait_for(self.process.wait(), _END_SECONDS)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


class Signer:
    """Signatures for one vault. Every call raises the WalletError that the signer answered, or SignerLost.

    A digest is that of the review which the person confirmed; the signer computes its own and refuses another.
    """

    def __init__(self, home: Path, *, idle_seconds: float = IDLE_SECONDS, through_door: bool = False) -> None:
        self.home = home
        self.through_door = through_door
        self._idle_seconds = idle_seconds
        self._channel: _Channel | None = None
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, home: Path) -> Signer:
        """The running client's signer if one answers, else one of our own. Close it in either case."""
        signer = cls(home, through_door=True)
        try:
            signer._channel = await _open_door(home)
        except OSError:
            signer.through_door = False
        return signer

    async def start(self) -> None:
        """Start the process now, so that its start-up passes while a person types."""
        async with self._turn:
            await self._live()

    async def status(self) -> SignerStatus:
        return _status(await self._call("status"))

    async def create(self, words: int, password: str, *, profile: str = "standard") -> Phrase:
        """Make a vault and leave it unlocked. The phrase is handed out once here. Profiles: standard, light."""
        return _phrase(await self._call("create", words=words, password=password, profile=profile))

    async def readings(self, phrase: str, *, passphrase: str = "", accounts: int = 1) -> tuple[Reading, ...]:
        """Every wallet that the words may mean; more than one where Chinese scripts or languages overlap."""
        answer = await self._call("readings", phrase=phrase, passphrase=passphrase, accounts=accounts)
        return tuple(
            Reading(one["language"], Address(one["root"]), tuple(map(Address, one["accounts"])))
            for one in answer["readings"]
        )

    async def restore(
        self, phrase: str, password: str, *, language: str = "", passphrase: str = "", profile: str = "standard"
    ) -> SignerStatus:
        """Make a vault from typed words and leave it unlocked. Raises PhraseAmbiguous unless `language` decides."""
        secrets = {"phrase": phrase, "passphrase": passphrase, "password": password}
        return _status(await self._call("restore", **secrets, language=language, profile=profile))

    async def unlock(self, password: str) -> SignerStatus:
        """Raises VaultMissing, VaultDamaged, VaultUnopened (wrong password or changed file)."""
        return _status(await self._call("unlock", password=password))

    async def reveal(self, password: str) -> Phrase:
        """The phrase, for writing it down again."""
        return _phrase(await self._call("reveal", password=password))

    async def prove_backup(self, words: Mapping[int, str]) -> SignerStatus:
        """Three words or more by position (from 1), all right: the vault is backed up. Raises PhraseDiffers."""
        return _status(await self._call("prove_backup", words={str(n): word for n, word in words.items()}))

    async def accounts(self) -> tuple[Address, ...]:
        return (await self.status()).accounts

    async def root_address(self) -> Address | None:
        return (await self.status()).root

    async def add_account(self) -> SignerStatus:
        """The next chain account."""
        return _status(await self._call("add_account"))

    async def add_paths(self, phrase: int, paths: Sequence[str], name: str = "") -> SignerStatus:
        """Accounts at any paths of a phrase (from 0). Raises AccountKnown, InputMalformed, NameTaken, VaultFull."""
        return _status(await self._call("add_paths", phrase=phrase, paths=list(paths), name=name))

    async def edit_account(
        self, account: Address, *, name: str | None = None, position: int | None = None
    ) -> SignerStatus:
        """Another name ("" for none), another place (from 0). Raises AccountUnknown, NameTaken, InputMalformed."""
        change = {"name": name, "position": position}
        given = {key: value for key, value in change.items() if value is not None}
        return _status(await self._call("edit_account", account=account, change=given))

    async def addresses(self, phrase: int, paths: Sequence[str]) -> list[Address]:
        """What stands at up to 1000 paths; nothing is kept."""
        answer = await self._call("addresses", phrase=phrase, paths=list(paths))
        return [Address(one) for one in answer["addresses"]]

    async def find(self, phrase: int, address: Address, paths: Sequence[str], passphrase: str = "") -> str:
        """Which of up to 1000 paths gives the address; "" for none."""
        given = {"phrase": phrase, "passphrase": passphrase, "address": address, "paths": list(paths)}
        return str((await self._call("find", **given))["path"])

    async def add_phrase(
        self, phrase: str, *, language: str = "", passphrase: str = "", name: str = ""
    ) -> SignerStatus:
        """Another phrase with its first account. Raises PhraseKnown, PhraseAmbiguous, AccountKnown, VaultFull."""
        secrets = {"phrase": phrase, "passphrase": passphrase}
        return _status(await self._call("add_phrase", **secrets, language=language, name=name))

    async def add_keystore(self, document: str, keystore_password: str, name: str = "") -> SignerStatus:
        """The key of a v3 keystore. Raises KeystoreMalformed, KeystoreUnopened, AccountKnown, VaultFull."""
        given = {"document": document, "keystore_password": keystore_password, "name": name}
        return _status(await self._call("add_keystore", **given))

    async def make_keystore(self, account: Address, password: str, keystore_password: str) -> str:
        """A v3 keystore of an account, for one who gives the vault's password. Raises VaultUnopened, PasswordUnfit."""
        secrets = {"password": password, "keystore_password": keystore_password}
        return str((await self._call("make_keystore", account=account, **secrets))["document"])

    async def change_password(self, password: str, new_password: str, *, profile: str = "standard") -> SignerStatus:
        """Raises VaultUnopened, PasswordUnfit, VaultUnwritten."""
        secrets = {"password": password, "new_password": new_password}
        return _status(await self._call("change_password", **secrets, profile=profile))

    async def split(
        self, password: str, threshold: int, groups: Sequence[tuple[int, int]], passphrase: str = ""
    ) -> Shares:
        """The first phrase as SLIP-39 shares, for writing down. Raises VaultUnopened, SharesUnfit, PassphraseUnfit."""
        given = {"password": password, "passphrase": passphrase}
        answer = await self._call("split", threshold=threshold, groups=[list(one) for one in groups], **given)
        return Shares(tuple(map(tuple, answer["groups"])), answer["holds"], answer["language"])

    async def restore_shares(self, shares: ShareTexts, password: str, *, profile: str = "standard") -> SignerStatus:
        """Make a vault from shares and leave it unlocked."""
        return _status(await self._call("restore_shares", password=password, profile=profile, **shares.to_json()))

    async def prove(self, phrase: str, passphrase: str = "") -> Proved:
        """Do these words open the wallet of the vault that is there? Nothing is unlocked."""
        return read_proved(await self._call("prove", phrase=phrase, passphrase=passphrase))

    async def prove_shares(self, shares: ShareTexts) -> Proved:
        """Do these shares?"""
        return read_proved(await self._call("prove_shares", **shares.to_json()))

    async def sign_transaction(self, payload: bytes, account: Address, digest: bytes) -> SignedTransaction:
        """`payload` is TransactionRequest.unsigned_payload, `digest` its keccak256."""
        arguments = {"payload": "0x" + payload.hex(), "account": account, "digest": "0x" + digest.hex()}
        answer = await self._call("sign_transaction", **arguments)
        try:
            return SignedTransaction.decode(bytes.fromhex(answer["raw"][2:]))
        except ChainError:
            raise SignerLost("frame-malformed") from None

    async def sign_in(self, text: str, account: Address, digest: bytes) -> bytes:
        """An EIP-4361 text; `account` is the one it names, the root key's or a chain account's. 65 bytes."""
        answer = await self._call("sign_in", text=text, account=account, digest="0x" + digest.hex())
        return bytes.fromhex(answer["signature"][2:])

    async def sign_message(self, data: bytes, account: Address, digest: bytes) -> bytes:
        """Bytes as personal_sign takes them, by a chain account. 65 bytes."""
        arguments = {"data": "0x" + data.hex(), "account": account, "digest": "0x" + digest.hex()}
        return bytes.fromhex((await self._call("sign_message", **arguments))["signature"][2:])

    async def sign_typed_data(self, document: str, account: Address, digest: bytes) -> bytes:
        """The JSON of eth_signTypedData_v4, by a chain account. 65 bytes."""
        arguments = {"document": document, "account": account, "digest": "0x" + digest.hex()}
        return bytes.fromhex((await self._call("sign_typed_data", **arguments))["signature"][2:])

    async def sign_order(
        self, kind: str, ledger_id: bytes, order: Mapping[str, str], account: Address, digest: bytes
    ) -> bytes:
        """A type of fiat.order (`Order.to_json`), or LedgerRegistration or LedgerAddress by their fields. 65 bytes.

        `account` is the root address, save for a chain account's own LedgerRegistration.
        """
        answer = await self._call(
            "sign_order",
            kind=kind,
            ledger="0x" + ledger_id.hex(),
            order=dict(order),
            account=account,
            digest="0x" + digest.hex(),
        )
        return bytes.fromhex(answer["signature"][2:])

    async def lock(self) -> None:
        """Forget the keys: the process ends. Whoever signs next unlocks first."""
        async with self._turn:
            if self._channel is not None and not self._channel.is_gone:
                await _ask(self._channel, {"call": "lock", "with": {}})
            if not self.through_door:
                await self._drop()

    async def close(self) -> None:
        """End our own signer; the running client's stays as it is."""
        async with self._turn:
            await self._drop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def forward(self, request: Frame) -> Frame:
        """Pass a frame through unread, for the door: the answer as it came. Raises SignerLost.

        A caller that is cancelled leaves the exchange to finish, so that its answer is nobody else's.
        """
        return await asyncio.shield(self._exchange(request))

    async def _exchange(self, request: Frame) -> Frame:
        async with self._turn:
            return await _ask(await self._live(), request)

    @property
    def pid(self) -> int | None:
        """The child's process id while it lives."""
        process = self._channel.process if self._channel else None
        return process.pid if process is not None and process.returncode is None else None

    async def _call(self, call: str, /, **arguments: object) -> Frame:
        return result(await self.forward({"call": call, "with": arguments}))

    async def _live(self) -> _Channel:
        if self._channel is not None and self._channel.is_gone:
            await self._drop()
        if self._channel is None:
            try:
                self._channel = await (_open_door(self.home) if self.through_door else self._spawn())
            except OSError:
                raise SignerLost("client-gone" if self.through_door else "not-started") from None
        return self._channel

    async def _drop(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    async def _spawn(self) -> _Channel:
        ours, theirs = socket.socketpair()
        number = str(theirs.fileno())
        arguments = ["-I", "-m", "wallet.signer", number, str(self._idle_seconds), str(self.home / VAULT_NAME)]
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,  # Ctrl-C is the parent's to hear; and no terminal to type into
            env=_environment(),
        )
        theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours, limit=FRAME_BYTES_MAX)
        return _Channel(reader, writer, process)


async def _open_door(home: Path) -> _Channel:
    reader, writer = await connect_unix(home / SOCKET_NAME, limit=FRAME_BYTES_MAX)
    return _Channel(reader, writer)


async def _ask(channel: _Channel, request: Frame) -> Frame:
    """One question and its answer. Raises SignerLost where none comes."""
    try:
        await send_to(channel.writer, request)
        answer = await receive_from(channel.reader)
    except ConnectionError:
        answer = None
    if answer is None:
        raise SignerLost("ended")
    return answer


def _environment() -> dict[str, str]:
    """Nothing but what a shared Python needs to be found: no variable of Python or eth-keys reaches the signer."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"LANG": "C.UTF-8", **kept}


def _status(answer: Frame) -> SignerStatus:
    root, entries = answer.get("root"), tuple(map(read_account, answer.get("accounts", [])))
    return SignerStatus(
        vault=answer["vault"],
        unlocked=answer["unlocked"],
        root=Address(root) if root else None,
        accounts=tuple(entry.address for entry in entries),
        backed_up=answer.get("backed_up", False),
        protections=tuple(answer["protections"]),
        entries=entries,
    )


def _phrase(answer: Frame) -> Phrase:
    return Phrase(tuple(answer["words"]), tuple(answer["gloss"]), answer["language"])
