"""The parent's end of the signer's pipe. Imports no key code: what it knows of secrets is what a person just typed.

`Signer.connect(home)` speaks to the running client through its socket if there is one, else it starts a signer of its
own, which ends with it. Calls go one at a time; a signer that ended by itself (idle) is started anew, locked.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chain.address import Address
from chain.delegation import SignedDelegation
from chain.errors import ChainError
from chain.transaction import SignedTransaction
from wallet.accounts import Account as OwnAccount
from wallet.accounts import read_account
from wallet.backups import Proved, Shares, ShareTexts, read_proved
from wallet.errors import PasswordNeeded, SignerLost
from wallet.frames import Frame
from wallet.pipe import IDLE_SECONDS as IDLE_SECONDS
from wallet.pipe import SOCKET_NAME as SOCKET_NAME
from wallet.pipe import VAULT_NAME as VAULT_NAME
from wallet.pipe import Pipe


@dataclass(frozen=True, slots=True)
class SignerStatus:
    """`accounts` in the person's order, `entries` what else is known of each. Without a vault there is none.

    `guarded`: there is a policy, and beyond it a signature wants the password.
    """

    vault: bool
    unlocked: bool
    root: Address | None
    accounts: tuple[Address, ...]
    backed_up: bool
    protections: tuple[str, ...]
    entries: tuple[OwnAccount, ...] = ()
    guarded: bool = False


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


class Signer(Pipe):
    """Signatures for one vault. Every call raises the WalletError that the signer answered, or SignerLost.

    A digest is that of the review which the person confirmed; the signer computes its own and refuses another.
    `ask_beyond` is asked for the password where the person's policy does not let something be signed; where it is
    None, signing raises PasswordNeeded.
    """

    ask_beyond: Callable[[PasswordNeeded], str] | None = None

    async def status(self) -> SignerStatus:
        return _status(await self.call("status"))

    async def create(self, words: int, password: str, *, profile: str = "standard") -> Phrase:
        """Make a vault and leave it unlocked. The phrase is handed out once here. Profiles: standard, light."""
        return _phrase(await self.call("create", words=words, password=password, profile=profile))

    async def readings(self, phrase: str, *, passphrase: str = "", accounts: int = 1) -> tuple[Reading, ...]:
        """Every wallet that the words may mean; more than one where Chinese scripts or languages overlap."""
        answer = await self.call("readings", phrase=phrase, passphrase=passphrase, accounts=accounts)
        return tuple(
            Reading(one["language"], Address(one["root"]), tuple(map(Address, one["accounts"])))
            for one in answer["readings"]
        )

    async def restore(
        self, phrase: str, password: str, *, language: str = "", passphrase: str = "", profile: str = "standard"
    ) -> SignerStatus:
        """Make a vault from typed words and leave it unlocked. Raises PhraseAmbiguous unless `language` decides."""
        secrets = {"phrase": phrase, "passphrase": passphrase, "password": password}
        return _status(await self.call("restore", **secrets, language=language, profile=profile))

    async def unlock(self, password: str) -> SignerStatus:
        """Raises VaultMissing, VaultDamaged, VaultUnopened (wrong password or changed file)."""
        return _status(await self.call("unlock", password=password))

    async def reveal(self, password: str) -> Phrase:
        """The phrase, for writing it down again."""
        return _phrase(await self.call("reveal", password=password))

    async def prove_backup(self, words: Mapping[int, str]) -> SignerStatus:
        """Three words or more by position (from 1), all right: the vault is backed up. Raises PhraseDiffers."""
        return _status(await self.call("prove_backup", words={str(n): word for n, word in words.items()}))

    async def accounts(self) -> tuple[Address, ...]:
        return (await self.status()).accounts

    async def root_address(self) -> Address | None:
        return (await self.status()).root

    async def add_account(self) -> SignerStatus:
        """The next chain account."""
        return _status(await self.call("add_account"))

    async def add_paths(self, phrase: int, paths: Sequence[str], name: str = "") -> SignerStatus:
        """Accounts at any paths of a phrase (from 0). Raises AccountKnown, InputMalformed, NameTaken, VaultFull."""
        return _status(await self.call("add_paths", phrase=phrase, paths=list(paths), name=name))

    async def edit_account(
        self, account: Address, *, name: str | None = None, position: int | None = None
    ) -> SignerStatus:
        """Another name ("" for none), another place (from 0). Raises AccountUnknown, NameTaken, InputMalformed."""
        change = {"name": name, "position": position}
        given = {key: value for key, value in change.items() if value is not None}
        return _status(await self.call("edit_account", account=account, change=given))

    async def addresses(self, phrase: int, paths: Sequence[str]) -> list[Address]:
        """What stands at up to 1000 paths; nothing is kept."""
        answer = await self.call("addresses", phrase=phrase, paths=list(paths))
        return [Address(one) for one in answer["addresses"]]

    async def find(self, phrase: int, address: Address, paths: Sequence[str], passphrase: str = "") -> str:
        """Which of up to 1000 paths gives the address; "" for none."""
        given = {"phrase": phrase, "passphrase": passphrase, "address": address, "paths": list(paths)}
        return str((await self.call("find", **given))["path"])

    async def add_phrase(
        self, phrase: str, *, language: str = "", passphrase: str = "", name: str = ""
    ) -> SignerStatus:
        """Another phrase with its first account. Raises PhraseKnown, PhraseAmbiguous, AccountKnown, VaultFull."""
        secrets = {"phrase": phrase, "passphrase": passphrase}
        return _status(await self.call("add_phrase", **secrets, language=language, name=name))

    async def add_keystore(self, document: str, keystore_password: str, name: str = "") -> SignerStatus:
        """The key of a v3 keystore. Raises KeystoreMalformed, KeystoreUnopened, AccountKnown, VaultFull."""
        given = {"document": document, "keystore_password": keystore_password, "name": name}
        return _status(await self.call("add_keystore", **given))

    async def import_key(self, key: str, name: str = "") -> SignerStatus:
        """A bare private key, as typed. Raises InputMalformed, AccountKnown, NameTaken, VaultFull."""
        return _status(await self.call("import_key", key=key, name=name))

    async def make_keystore(self, account: Address, password: str, keystore_password: str) -> str:
        """A v3 keystore of an account, for one who gives the vault's password. Raises VaultUnopened, PasswordUnfit."""
        secrets = {"password": password, "keystore_password": keystore_password}
        return str((await self.call("make_keystore", account=account, **secrets))["document"])

    async def change_password(self, password: str, new_password: str, *, profile: str = "standard") -> SignerStatus:
        """Raises VaultUnopened, PasswordUnfit, VaultUnwritten."""
        secrets = {"password": password, "new_password": new_password}
        return _status(await self.call("change_password", **secrets, profile=profile))

    async def split(
        self, password: str, threshold: int, groups: Sequence[tuple[int, int]], passphrase: str = ""
    ) -> Shares:
        """The first phrase as SLIP-39 shares, for writing down. Raises VaultUnopened, SharesUnfit, PassphraseUnfit."""
        given = {"password": password, "passphrase": passphrase}
        answer = await self.call("split", threshold=threshold, groups=[list(one) for one in groups], **given)
        return Shares(tuple(map(tuple, answer["groups"])), answer["holds"], answer["language"])

    async def restore_shares(self, shares: ShareTexts, password: str, *, profile: str = "standard") -> SignerStatus:
        """Make a vault from shares and leave it unlocked."""
        return _status(await self.call("restore_shares", password=password, profile=profile, **shares.to_json()))

    async def prove(self, phrase: str, passphrase: str = "") -> Proved:
        """Do these words open the wallet of the vault that is there? Nothing is unlocked."""
        return read_proved(await self.call("prove", phrase=phrase, passphrase=passphrase))

    async def prove_shares(self, shares: ShareTexts) -> Proved:
        """Do these shares?"""
        return read_proved(await self.call("prove_shares", **shares.to_json()))

    async def begin_backup(self, password: str) -> tuple[str, bytes]:
        """Head and first piece of a new backup. Raises VaultUnopened."""
        answer = await self.call("begin_backup", password=password)
        return str(answer["header"]), base64.b64decode(answer["piece"])

    async def seal_backup(self, data: bytes, *, last: bool) -> bytes:
        """The next piece of the backup that was begun."""
        answer = await self.call("seal_backup", data=base64.b64encode(data).decode(), last=last)
        return base64.b64decode(answer["piece"])

    async def open_backup(self, source: dict[str, Any], header: str, piece: bytes) -> None:
        """Begin to read a backup with a phrase or shares. Raises BackupDamaged, BackupForeign, PhraseError."""
        await self.call("open_backup", source=source, header=header, piece=base64.b64encode(piece).decode())

    async def unseal_backup(self, piece: bytes, *, last: bool) -> bytes:
        """The next piece's data. Raises BackupDamaged."""
        answer = await self.call("unseal_backup", piece=base64.b64encode(piece).decode(), last=last)
        return base64.b64decode(answer["data"])

    async def restore_backup(self, password: str, *, profile: str = "standard", beside: bool = False) -> SignerStatus:
        """The vault of the backup that was opened. Raises VaultExists, PhraseForeign."""
        return _status(await self.call("restore_backup", password=password, profile=profile, beside=beside))

    async def restore_beside(
        self, source: dict[str, Any], password: str, *, profile: str = "standard"
    ) -> tuple[SignerStatus, tuple[Address, ...]]:
        """A vault instead of one whose password is forgotten, and that one's accounts which the phrase lacks."""
        answer = await self.call("restore_beside", source=source, password=password, profile=profile)
        return _status(answer), tuple(map(Address, answer["uncovered"]))

    async def policy(self) -> Frame:
        """The rules and what was used of them; "checked": the vault is open, so that nobody else wrote them."""
        return await self.call("policy")

    async def add_rule(self, password: str, rule: Mapping[str, Any], server: str) -> Frame:
        """Raises VaultUnopened, InputMalformed."""
        return await self.call("add_rule", password=password, rule=dict(rule), server=server)

    async def remove_rule(self, password: str, number: str) -> Frame:
        """Raises VaultUnopened, InputMalformed."""
        return await self.call("remove_rule", password=password, rule=number)

    async def reset_counters(self, password: str) -> Frame:
        """Raises VaultUnopened."""
        return await self.call("reset_counters", password=password)

    async def consent(self, password: str, digests: Sequence[bytes], account: Address) -> None:
        """This account may sign each of these once, soon, beyond the policy. Raises VaultUnopened."""
        named = ["0x" + digest.hex() for digest in digests]
        await self.call("consent", password=password, digests=named, account=account)

    async def permit(
        self,
        client: str,
        kind: str,
        chain_id: int,
        account: str,
        items: Sequence[Mapping[str, str]],
        claims: Mapping[str, Any],
    ) -> Frame:
        """What the policy says to a client's request (wallet.guard). What it allows may then be signed."""
        asked = {"client": client, "kind": kind, "chain_id": chain_id, "account": account}
        return await self.call("permit", **asked, items=[dict(item) for item in items], claims=dict(claims))

    async def release(self, digests: Sequence[bytes]) -> None:
        """What was permitted will not be signed."""
        await self.call("release", digests=["0x" + digest.hex() for digest in digests])

    async def sign_transaction(self, payload: bytes, account: Address, digest: bytes) -> SignedTransaction:
        """`payload` is TransactionRequest.unsigned_payload, `digest` its keccak256."""
        arguments = {"payload": "0x" + payload.hex(), "account": account, "digest": "0x" + digest.hex()}
        answer = await self._sign("sign_transaction", **arguments)
        try:
            return SignedTransaction.decode(bytes.fromhex(answer["raw"][2:]))
        except ChainError:
            raise SignerLost("frame-malformed") from None

    async def sign_delegation(self, payload: bytes, account: Address, digest: bytes) -> SignedDelegation:
        """`payload` and `digest` are those of chain.delegation.Delegation; `account` is the one that authorizes."""
        arguments = {"payload": "0x" + payload.hex(), "account": account, "digest": "0x" + digest.hex()}
        answer = await self.call("sign_delegation", **arguments)
        try:
            return SignedDelegation.decode(bytes.fromhex(answer["raw"][2:]))
        except ChainError:
            raise SignerLost("frame-malformed") from None

    async def sign_in(self, text: str, account: Address, digest: bytes) -> bytes:
        """An EIP-4361 text; `account` is the one it names, the root key's or a chain account's. 65 bytes."""
        answer = await self._sign("sign_in", text=text, account=account, digest="0x" + digest.hex())
        return bytes.fromhex(answer["signature"][2:])

    async def sign_message(self, data: bytes, account: Address, digest: bytes) -> bytes:
        """Bytes as personal_sign takes them, by a chain account. 65 bytes."""
        arguments = {"data": "0x" + data.hex(), "account": account, "digest": "0x" + digest.hex()}
        return bytes.fromhex((await self._sign("sign_message", **arguments))["signature"][2:])

    async def sign_typed_data(self, document: str, account: Address, digest: bytes) -> bytes:
        """The JSON of eth_signTypedData_v4, by a chain account. 65 bytes."""
        arguments = {"document": document, "account": account, "digest": "0x" + digest.hex()}
        return bytes.fromhex((await self._sign("sign_typed_data", **arguments))["signature"][2:])

    async def sign_order(
        self, kind: str, ledger_id: bytes, order: Mapping[str, str], account: Address, digest: bytes
    ) -> bytes:
        """A type of fiat.order (`Order.to_json`), or LedgerRegistration or LedgerAddress by their fields. 65 bytes.

        `account` is the root address, save for a chain account's own LedgerRegistration.
        """
        answer = await self._sign(
            "sign_order",
            kind=kind,
            ledger="0x" + ledger_id.hex(),
            order=dict(order),
            account=account,
            digest="0x" + digest.hex(),
        )
        return bytes.fromhex(answer["signature"][2:])

    async def _sign(self, name: str, **arguments: Any) -> Frame:
        """Once, and again where the password is wanted and somebody is there to be asked for it."""
        try:
            return await self.call(name, **arguments)
        except PasswordNeeded as needed:
            if self.ask_beyond is None:
                raise
            digest = bytes.fromhex(str(arguments["digest"])[2:])
            await self.consent(self.ask_beyond(needed), [digest], Address(arguments["account"]))
        return await self.call(name, **arguments)


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
        guarded=answer.get("guarded", False),
    )


def _phrase(answer: Frame) -> Phrase:
    return Phrase(tuple(answer["words"]), tuple(answer["gloss"]), answer["language"])
