"""Every way in which the client fails.

Exceptions carry fields, not sentences; the command line, the pages and the dApp provider put them into words. `code`
is what crosses a pipe or a socket in place of the object, and what `--json` prints.

WalletError
 +- PhraseError                  what was typed is no recovery phrase
 |   +- WordUnknown              a word is in no list that fits the others
 |   +- WordCountWrong           not 12, 15, 18, 21 or 24 words
 |   +- ChecksumWrong            every word is known, but one is wrong or out of place
 |   +- PhraseAmbiguous          the words open more than one wallet: choose a reading
 |   +- ShareWordUnknown         a word of a share is in no list
 |   +- ShareMalformed           every word is known, but one is wrong or out of place
 |   +- SharesUnfit              not of one set, or a set that cannot be made
 |   +- SharesMissing            more are needed
 |   +- PassphraseUnfit          of shares: printable ASCII alone
 |   +- PhraseAbsent             the wallet is of shares (SLIP-39) and has no words
 |   +- PhraseDiffers            the words asked back are not those of this wallet
 +- VaultError
 |   +- VaultMissing             no vault at that path
 |   +- VaultExists              there is one already; it is never overwritten
 |   +- VaultDamaged             no vault file, or out of the format's bounds: found before any password
 |   +- VaultUnopened            wrong password or changed file; nothing says which
 |   +- VaultUnwritten           the disk refused
 |   +- VaultChanged             another program wrote it under another password meanwhile
 |   +- PasswordUnfit            too short or too long to protect a vault
 |   +- KeystoreMalformed        no v3 keystore, or one that asks for more work than is given
 |   +- KeystoreUnopened         wrong password for a keystore
 |   +- AccountKnown             this account is in the vault already
 |   +- PhraseKnown              this phrase is
 |   +- BackupUnfit              a backup that was tried opens nothing of this wallet
 |   +- BackupDamaged            no backup file, or changed, or cut off
 |   +- BackupForeign            a backup under another phrase
 |   +- PhraseForeign            the phrase is not that of the vault which it should bring back
 |   +- VaultFull                as many phrases, keys or accounts as a vault holds
 +- SignerError
 |   +- SignerLocked             no key in memory: unlock first
 |   +- SignerUnsafe             the process could not be closed off, or the curve library is not the fast one
 |   +- SignerLost               the process ended, or broke the protocol
 |   +- CallRefused              no such call here, or arguments of another shape
 |   +- DoorTaken                another running client owns the socket
 +- SigningRefused               nothing was signed
 |   +- AccountUnknown           not an account of this wallet
 |   +- AccountWatched           listed without a key
 |   +- SignatureDiffers         another address than the one named signed it
 |   +- AddressUnfound           none of the paths and passphrases that were tried gives it
 |   +- DigestDiffers            these are not the bytes that were reviewed
 |   +- BytesNotUnderstood       transaction, sign-in text or order that does not decode fully
 |   +- KeyUnfit                 this key does not sign this kind of thing
 |   +- PasswordNeeded           beyond the policy: the signer wants the password for this very thing
 |   +- PolicyDenied             a rule of the person's own denies it
 |   +- PolicyOlder              an older vault, with an older policy, was put back
 +- UsageError                   what was typed cannot be meant
 |   +- SettingRefused           an environment variable
 |   +- TerminalNeeded           something would have to be asked, and nobody is there
 |   +- YesRefused               `--yes` does not cover this review
 |   +- LinkElsewhere            a payment link to somebody at another server
 |   +- RuleUnseen               a rule would be made that nobody has looked at
 |   +- AssetUnknown             neither a currency of the ledger nor a listed token
 |   +- NameTaken                another account or contact has this name, or one that passes for it
 |   +- ContactUnknown           no contact and no account has this name
 |   +- InputMalformed           a payee, handle, destination or network of another form
 +- DoorError                    a dApp, a program or an approval
 |   +- CallerRefused            an HTTP request that is not let in, before anything is looked at
 |   +- RpcRefused               a JSON-RPC request that is answered with an error
 |   +- ApprovalUnknown          nothing of that number waits
 |   +- ApprovalRefused          what waits cannot be answered so
 |   +- ApprovalTooSoon          it came to stand there a moment ago
 |   +- ListenRefused            a port that cannot be taken
 |   +- ClientNotUp              the command needs a running `tandem up`
 +- Declined                     the person said no, or left
 +- NotBuilt                     promised, not there yet
 +- StateError                   the client's own files
 |   +- StateBusy                another command is at work
 |   +- StateUnusable            damaged, unreadable or not to be written
 +- ServerError                  our server did not do what was asked
 |   +- ServerUnreachable
 |   +- ServerRefused            a problem (RFC 9457), with its slug and fields
 |   +- AnswerUnfit              an answer of another shape than was asked for
 |   +- FundsMissing             less in the account than the order takes
 |   +- SessionMissing           sign in first
 |   +- HolderMissing            no account at this ledger yet
 |   +- OutcomeUnknown           sent, and no answer came: the same order may be sent again
 |   +- ClockWrong               this machine's clock is not the server's
 +- DistrustError                what came does not agree with what is known: nothing was done
     +- LedgerReplaced           another ledger answers at this address
     +- HeadRefused              the account's head does not extend the one that is kept
     +- PayeeChanged             the handle names another holder than at first use, or than was typed
     +- TokenChanged             another address or other decimals than at first use
     +- ProofMissing             a receipt, sign-in text, card or address does not prove what it should
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, dataclass_transform

BY_CODE: dict[str, type[WalletError]] = {}
"""Every error by its code."""


def code_of(error: type[Exception]) -> str:
    """The error's name in kebab case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", error.__name__).lower()


@dataclass_transform(eq_default=False)
class WalletError(Exception):
    """Base of the client's errors. A class's annotations are its fields; none ever holds a secret.

    Made by hand rather than by `dataclass`, which compiles each class anew: sixty of them cost 15 ms at every start.
    """

    names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.names = (*cls.names, *vars(cls).get("__annotations__", ()))
        BY_CODE[code_of(cls)] = cls

    def __init__(self, *values: Any, **named: Any) -> None:
        given = dict(zip(self.names, values, strict=False)) | named
        if len(values) > len(self.names) or set(given) != set(self.names):
            raise TypeError(f"{type(self).__name__} takes {', '.join(self.names) or 'nothing'}")
        super().__init__()
        self.__dict__.update(given)

    @property
    def code(self) -> str:
        """`WordUnknown` is `word-unknown`. Stable: others rely on it."""
        return code_of(type(self))

    def fields(self) -> dict[str, Any]:
        """The facts by name, as JSON can hold them."""
        return {name: getattr(self, name) for name in self.names}

    def __repr__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in self.fields().items())
        return f"{type(self).__name__}({facts})"

    def __str__(self) -> str:
        return repr(self)


class PhraseError(WalletError):
    """What was typed is no recovery phrase, or not the one expected."""


class WordUnknown(PhraseError):
    """`position` counts from 1; `near` are words of the likeliest list, nearest first; `language` is that list."""

    position: int
    word: str
    near: list[str]
    language: str


class WordCountWrong(PhraseError):
    count: int


class ChecksumWrong(PhraseError):
    """`languages` are the lists that hold every word."""

    languages: list[str]


class PhraseAmbiguous(PhraseError):
    """`languages` names the readings, each of which opens another wallet."""

    languages: list[str]


class ShareWordUnknown(PhraseError):
    """`number` is the share's, `position` the word's; both count from 1."""

    number: int
    position: int
    word: str


class ShareMalformed(PhraseError):
    number: int


class SharesUnfit(PhraseError):
    """`reason` is a sentence of ours."""

    reason: str


class SharesMissing(PhraseError):
    """Groups that are whole, and that are needed; `groups` has shares there and needed of each group begun."""

    whole: int
    needed: int
    groups: list[str]


class PassphraseUnfit(PhraseError):
    pass


class PhraseAbsent(PhraseError):
    pass


class PhraseDiffers(PhraseError):
    """`positions` count from 1: where the words given are not the wallet's."""

    positions: list[int]


class VaultError(WalletError):
    """The vault file could not be made, read, opened or written."""


class VaultMissing(VaultError):
    path: str


class VaultExists(VaultError):
    path: str


class VaultDamaged(VaultError):
    path: str
    reason: str


class VaultUnopened(VaultError):
    path: str


class VaultUnwritten(VaultError):
    """`reason` is the system's own name for it (ENOSPC, EACCES)."""

    path: str
    reason: str


class VaultChanged(VaultError):
    path: str


class PasswordUnfit(VaultError):
    """In characters."""

    length_min: int
    length_max: int


class KeystoreMalformed(VaultError):
    """`field` is the member at fault; `reason` says what would be right."""

    field: str
    reason: str


class KeystoreUnopened(VaultError):
    pass


class AccountKnown(VaultError):
    address: str


class PhraseKnown(VaultError):
    """`number` counts from 1."""

    number: int


class BackupUnfit(VaultError):
    accounts: int


class BackupDamaged(VaultError):
    reason: str


class BackupForeign(VaultError):
    """`root` is the root address of the phrase that it is under."""

    root: str


class PhraseForeign(VaultError):
    path: str


class VaultFull(VaultError):
    """`what` is accounts, phrases or keys."""

    what: str
    count_max: int


class SignerError(WalletError):
    """The signer cannot do its work."""


class SignerLocked(SignerError):
    pass


class SignerUnsafe(SignerError):
    reason: str


class SignerLost(SignerError):
    reason: str


class CallRefused(SignerError):
    call: str
    reason: str


class DoorTaken(SignerError):
    path: str


class SigningRefused(WalletError):
    """The signer was asked for a signature that it does not give."""


class AccountUnknown(SigningRefused):
    address: str


class AccountWatched(SigningRefused):
    address: str


class SignatureDiffers(SigningRefused):
    address: str
    signer: str


class AddressUnfound(SigningRefused):
    address: str
    tried: int


class DigestDiffers(SigningRefused):
    """0x hex: what the caller reviewed, and what the bytes give."""

    reviewed: str
    computed: str


class BytesNotUnderstood(SigningRefused):
    """`kind` is transaction, sign-in or the order's type; `reason` names the field at fault where there is one."""

    kind: str
    reason: str


class KeyUnfit(SigningRefused):
    """`key` is root or account."""

    key: str
    kind: str


class PasswordNeeded(SigningRefused):
    """`reason` is one of wallet.policy_decision.Reason; `rule` the rule that came nearest, or empty."""

    reason: str
    rule: str


class PolicyDenied(SigningRefused):
    rule: str


class PolicyOlder(SigningRefused):
    """The vault's policy is older than one that was seen: an older file was put back."""


class UsageError(WalletError):
    pass


class SettingRefused(UsageError):
    name: str
    reason: str


class TerminalNeeded(UsageError):
    """`what` would have been asked: password, confirmation, phrase, words, reading, ledger."""

    what: str


class YesRefused(UsageError):
    """`reason` is warnings (the review has some), payee (not met before) or word (one has to be typed)."""

    reason: str


class LinkElsewhere(UsageError):
    """Host and port, of the link and of the person's own server."""

    place: str
    server: str


class RuleUnseen(UsageError):
    """`rule` as policies keep it, `digest` 0x hex (wallet.policy_offer.rule_digest)."""

    rule: dict[str, Any]
    digest: str


class AssetUnknown(UsageError):
    asset: str
    known: list[str]


class NameTaken(UsageError):
    """`other` is the name that is there."""

    name: str
    other: str


class ContactUnknown(UsageError):
    """`near` is a contact that looks alike, or empty."""

    name: str
    near: str


class InputMalformed(UsageError):
    """`field` is payee, handle, destination, network-id, name, path and the like; `reason` a word of ours."""

    field: str
    text: str
    reason: str


class DoorError(WalletError):
    """A dApp, a program or an approval."""


class CallerRefused(DoorError):
    """`status` is HTTP's; `reason` a word of ours."""

    status: int
    reason: str


class RpcRefused(DoorError):
    """`number` is the JSON-RPC code (wallet.rpc.Code), `reason` its message; `data` what the error object carries."""

    number: int
    reason: str
    data: Any


class ApprovalUnknown(DoorError):
    id: str


class ApprovalRefused(DoorError):
    """`reason` is a word of ours."""

    id: str
    reason: str


class ApprovalTooSoon(DoorError):
    id: str


class ListenRefused(DoorError):
    address: str
    reason: str


class ClientNotUp(DoorError):
    home: str


class Declined(WalletError):
    pass


class NotBuilt(WalletError):
    command: str


class StateError(WalletError):
    pass


class StateBusy(StateError):
    path: str


class StateUnusable(StateError):
    path: str
    reason: str


class ServerError(WalletError):
    """Our server did not do what was asked."""


class ServerUnreachable(ServerError):
    """`reason` is a word of ours (connection, timeout, http-502), never the server's text."""

    server: str
    reason: str


class ServerRefused(ServerError):
    """`title` is the server's claim and may hold anything; `facts` are the problem's extension members."""

    server: str
    status: int
    slug: str
    title: str
    facts: dict[str, Any]


class AnswerUnfit(ServerError):
    server: str
    what: str


class FundsMissing(ServerError):
    """Decimal texts in `asset`'s unit."""

    asset: str
    available: str
    needed: str
    missing: str


class SessionMissing(ServerError):
    server: str


class HolderMissing(ServerError):
    server: str


class OutcomeUnknown(ServerError):
    """`id` is the order's nonce or the top-up's id; the same command with `--again ID` sends the same order."""

    server: str
    id: str


class ClockWrong(ServerError):
    """`seconds` is this machine's time less the server's."""

    server: str
    seconds: int


class DistrustError(WalletError):
    """What came does not agree with what is known."""


class LedgerReplaced(DistrustError):
    """0x hex ids."""

    server: str
    known: str
    found: str


class HeadRefused(DistrustError):
    """`count` is that of the head that came, `known` of the one that is kept."""

    server: str
    reason: str
    count: int
    known: int


class PayeeChanged(DistrustError):
    """Fingerprints, as people compare them."""

    handle: str
    known: str
    found: str


class TokenChanged(DistrustError):
    """`field` is address or decimals."""

    symbol: str
    field: str
    known: str
    found: str


class ProofMissing(DistrustError):
    """`what` came from `server`: receipt, sign-in, card, address, ledger."""

    server: str
    what: str
    reason: str


def error_from(code: str, facts: dict[str, Any]) -> WalletError | None:
    """The error that another process named, or None if there is none of that name and shape."""
    error = BY_CODE.get(code)
    return error(**facts) if error is not None and set(error.names) == set(facts) else None
