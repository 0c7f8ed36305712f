"""Every failure in words: one table from error to sentence and exit status. A test holds that no error lacks its row.

A sentence says what happened and what to do. `{names}` are the error's fields, made inert: nothing here may come to
the terminal as another program wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chain import errors as chain
from chain.errors import ChainError
from chain.token import Token, TokenAmount
from fiat import errors as fiat
from fiat.currency import ISO_4217
from fiat.errors import FiatError
from fiat.money import decimal_text
from wallet import errors as wallet
from wallet.cli.inert import inert
from wallet.cli.key_problems import KEY_DERIVED, KEY_ROWS
from wallet.cli.policy_words import POLICY_ROWS
from wallet.cli.refusals import MACHINE, SLUGS, UNKNOWN
from wallet.cli.words import WORDS
from wallet.errors import WalletError
from wallet.texts import N_, _

DONE, REFUSED, USAGE, DECLINED, NETWORK = range(5)
Failure = WalletError | ChainError | FiatError
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """A failure as the person meets it."""

    slug: str
    sentence: str
    status: int
    facts: Facts

    @property
    def document(self) -> dict[str, Any]:
        """What --json prints: RFC 9457 members, the facts beside them."""
        head = {
            "type": f"urn:tandem:problem:{self.slug}",
            "slug": self.slug,
            "detail": self.sentence,
            "exit": self.status,
        }
        return {**{name: value for name, value in self.facts.items() if name not in head}, **head}


def problem_of(error: Failure) -> Problem:
    """The row of the error's own class, filled in."""
    if isinstance(error, wallet.ServerRefused):
        return _server_problem(error)
    text, status = ROWS[type(error)]
    facts = facts_of(error)
    shown = {name: _word(value) for name, value in facts.items()}
    return Problem(wallet.code_of(type(error)), _(text).format_map(shown), status, facts)


def _word(value: object) -> str:
    """A word of ours in the person's language, anything else as it is, inert."""
    return _(WORDS[value]) if isinstance(value, str) and value in WORDS else inert(value)


def facts_of(error: Failure) -> dict[str, Any]:
    """The error's fields and, for amounts, what they come to."""
    if isinstance(error, (WalletError, FiatError)):
        facts = dict(error.fields())
    else:
        facts = {name: getattr(error, name) for name in getattr(error, "__dataclass_fields__", {})}
    return facts | (DERIVED[type(error)](error) if type(error) in DERIVED else {})


def _server_problem(error: wallet.ServerRefused) -> Problem:
    text, status = SLUGS.get(error.slug) or MACHINE.get(error.slug) or UNKNOWN
    if error.status >= 500 and error.slug not in SLUGS:
        text, status = N_("{server} failed ({status}); try again later."), NETWORK
    facts = {
        "currency": error.facts.get("code", "…"),
        **_amounts(error.facts),
        **error.facts,
        "server": error.server,
        "status": error.status,
        "slug": error.slug,
        "title": error.title,
    }
    return Problem(error.slug, _(text).format_map(_Known(facts)), status, facts)


def _amounts(facts: Facts) -> dict[str, str]:
    """What a refusal says in minor units, as people read it, where its currency is one of ISO 4217."""
    currency = ISO_4217.get(str(facts.get("currency")))
    if currency is None:
        return {}
    minor = {name.removesuffix("_minor"): str(value) for name, value in facts.items() if name.endswith("_minor")}
    return {n: decimal_text(int(v), currency.exponent) for n, v in minor.items() if v.isdecimal() and len(v) < 20}


class _Known(dict[str, Any]):
    """A problem's members, in our words or inert; a member that the server left out reads as an ellipsis."""

    def __getitem__(self, name: str) -> str:
        return _word(self.get(name, "…"))

    def __missing__(self, name: str) -> str:
        return "…"


def _coins(wei: int) -> str:
    return TokenAmount(max(wei, 0), Token.native(1)).format()


def gwei(wei: int) -> str:
    return TokenAmount(wei, Token(1, None, "gwei", "gwei", 9)).format()


def _coins_missing(error: Any) -> dict[str, str]:
    return {
        "available": _coins(error.available_wei),
        "needed": _coins(error.value_wei + error.fee_wei),
        "missing": _coins(error.missing_wei),
        "fee": _coins(error.fee_wei),
    }


DERIVED: dict[type[Exception], Callable[[Any], dict[str, Any]]] = {
    chain.InsufficientNative: _coins_missing,
    chain.GasMissing: _coins_missing,
    chain.FeeTooHigh: lambda e: {"needed": gwei(e.max_fee_per_gas), "allowed": gwei(e.cap)},
    chain.InsufficientToken: lambda e: {"missing_units": e.missing_units},
    wallet.ClockWrong: lambda e: {"minutes": abs(e.seconds) // 60, "apart": abs(e.seconds)},
    wallet.WordUnknown: lambda e: {"hint": ", ".join(e.near)},
    wallet.PhraseDiffers: lambda e: {"which": ", ".join(map(str, e.positions))},
    wallet.PhraseAmbiguous: lambda e: {"readings": ", ".join(e.languages)},
    wallet.AssetUnknown: lambda e: {"assets": ", ".join(e.known)},
    **KEY_DERIVED,
}

ROWS: dict[type[Exception], tuple[str, int]] = {
    # What was typed
    fiat.CurrencyUnknown: (N_("“{code}” is no currency."), USAGE),
    fiat.AmountMalformed: (
        N_("“{text}” is no amount: write plain digits with one point, such as 12.50, without sign, commas or letters."),
        USAGE,
    ),
    fiat.AmountNotPositive: (N_("The amount has to be above zero, not {text}."), USAGE),
    fiat.AmountTooPrecise: (N_("{text} has too many decimals: {currency} has {decimals}."), USAGE),
    fiat.AmountTooLarge: (N_("{text} is more than one order can move."), USAGE),
    chain.AmountMalformed: (
        N_("“{text}” is no amount: write plain digits with one point, such as 0.25, without sign, commas or letters."),
        USAGE,
    ),
    chain.AmountTooPrecise: (N_("{text} has too many decimals: {symbol} has {decimals}."), USAGE),
    chain.AmountTooLarge: (N_("{text} {symbol} is more than any token can count."), USAGE),
    chain.AddressMalformed: (N_("“{text}” is no address: 0x and 40 hex digits are expected."), USAGE),
    chain.AddressChecksumWrong: (
        N_("The address {text} has a wrong checksum: a character is mistyped. Copy it again from its source."),
        USAGE,
    ),
    chain.ReceiverRefused: (N_("Nothing is sent to {receiver}, {fault}: what goes there is lost."), USAGE),
    wallet.SettingRefused: (N_("{name} is not right: {reason}."), USAGE),
    wallet.TerminalNeeded: (
        N_(
            "This asks for something ({what}) and there is no terminal: run it in one, use --yes where it is "
            "enough, or TANDEM_PASSWORD_FILE for the password."
        ),
        USAGE,
    ),
    wallet.YesRefused: (
        N_(
            "--yes is not enough here ({reason}): run it in a terminal and look, or name the payee in full "
            "(@handle#fingerprint or address)."
        ),
        USAGE,
    ),
    wallet.LinkElsewhere: (
        N_("The link leads to somebody at {place}, and your account is at {server}: nothing was sent."),
        USAGE,
    ),
    wallet.RuleUnseen: (
        N_("“Always” makes a rule ({digest}): look at it first, with --json or in a terminal; then --yes takes it."),
        USAGE,
    ),
    wallet.AssetUnknown: (
        N_("“{asset}” is neither a currency of the server nor a token of your list ({assets})."),
        USAGE,
    ),
    wallet.InputMalformed: (N_("“{text}” is no {field}: {reason}."), USAGE),
    # The person
    wallet.Declined: (N_("Stopped by you; nothing further was done."), DECLINED),
    wallet.NotBuilt: (N_("`tandem {command}` is not built yet."), REFUSED),
    # Phrase, vault, signer
    wallet.WordUnknown: (N_("Word {position}, “{word}”, is in no list of recovery words. Near: {hint}."), REFUSED),
    wallet.WordCountWrong: (N_("A recovery phrase has 12, 15, 18, 21 or 24 words; these are {count}."), REFUSED),
    wallet.ChecksumWrong: (
        N_("Every word is known, but together they are no recovery phrase: one is wrong or out of place."),
        REFUSED,
    ),
    wallet.PhraseAmbiguous: (
        N_(
            "These words can be read in more than one way, and each opens another wallet: choose with --language "
            "({readings})."
        ),
        REFUSED,
    ),
    wallet.PhraseDiffers: (N_("Word {which} is not as in your phrase. Look at your paper and try again."), REFUSED),
    wallet.VaultMissing: (
        N_("There is no wallet at {path}: `tandem init` makes one, `tandem restore` brings one back."),
        REFUSED,
    ),
    wallet.VaultExists: (N_("There is a wallet at {path} already; it is never overwritten."), REFUSED),
    wallet.VaultDamaged: (
        N_("The vault {path} is damaged ({reason}). Move it away and use `tandem restore` with your phrase."),
        REFUSED,
    ),
    wallet.VaultUnopened: (
        N_(
            "The vault did not open: the password is wrong, or the file was changed. Forgotten? `tandem restore "
            "--beside` makes a new one from your phrase and keeps this one."
        ),
        REFUSED,
    ),
    wallet.VaultUnwritten: (N_("The vault {path} could not be written ({reason}); nothing was changed."), REFUSED),
    wallet.VaultChanged: (N_("Another program changed the vault {path} meanwhile: unlock again."), REFUSED),
    wallet.PasswordUnfit: (N_("A password has {length_min} to {length_max} characters."), REFUSED),
    wallet.SignerLocked: (N_("The keys are locked: `tandem unlock`, then try again."), REFUSED),
    wallet.SignerUnsafe: (
        N_("The process that holds keys could not be closed off here ({reason}), so it did not start."),
        REFUSED,
    ),
    wallet.SignerLost: (
        N_("The process that holds the keys ended ({reason}); nothing was signed. Try again."),
        REFUSED,
    ),
    wallet.CallRefused: (N_("The signer refused the call {call} ({reason}); nothing was signed."), REFUSED),
    wallet.AccountUnknown: (N_("{address} is no account of this wallet."), REFUSED),
    wallet.DigestDiffers: (N_("The bytes are not those that were shown; nothing was signed."), REFUSED),
    wallet.BytesNotUnderstood: (N_("The {kind} is not fully understood ({reason}), so it was not signed."), REFUSED),
    wallet.KeyUnfit: (N_("The {key} key does not sign a {kind}; nothing was signed."), REFUSED),
    # dApps and programs
    wallet.CallerRefused: (N_("The request was not let in ({reason})."), REFUSED),
    wallet.RpcRefused: (N_("The request was refused ({number}): {reason}"), REFUSED),
    wallet.ApprovalUnknown: (N_("Nothing that waits has the number {id}: `tandem approvals`."), REFUSED),
    wallet.ApprovalRefused: (N_("{id} cannot be answered so ({reason})."), REFUSED),
    wallet.ApprovalTooSoon: (
        N_("Too soon: {id} came to stand there a moment ago. Look at it first, then say yes: `tandem approvals`."),
        REFUSED,
    ),
    wallet.ListenRefused: (N_("Nothing can listen at {address} ({reason}): is another client running?"), REFUSED),
    wallet.ClientNotUp: (N_("The client is not running for {home}: `tandem up` starts it."), REFUSED),
    # The client's files
    wallet.StateBusy: (
        N_("Another tandem command is at work in {path}: let it end, then try again. Nothing was changed."),
        REFUSED,
    ),
    wallet.StateUnusable: (N_("{path} cannot be used ({reason})."), REFUSED),
    # Our server
    wallet.ServerUnreachable: (
        N_("{server} does not answer ({reason}). Is the server running? Nothing was changed."),
        NETWORK,
    ),
    wallet.AnswerUnfit: (
        N_("{server} answered something that is not understood ({what}); nothing was changed."),
        NETWORK,
    ),
    wallet.FundsMissing: (
        N_(
            "Not enough money: {needed} {asset} are needed, {available} {asset} are there, {missing} {asset} are "
            "missing."
        ),
        REFUSED,
    ),
    wallet.DoorTaken: (N_("Another client of yours is at work at {path}; `tandem lock` ends it."), REFUSED),
    wallet.SessionMissing: (N_("You are not signed in at {server}: `tandem login`."), REFUSED),
    wallet.HolderMissing: (N_("You have no account at {server} yet: `tandem register HANDLE`."), REFUSED),
    wallet.OutcomeUnknown: (
        N_(
            "{server} did not answer after the order was sent: it may have been carried out. Repeat it safely "
            "with --again {id}."
        ),
        NETWORK,
    ),
    wallet.ClockWrong: (
        N_("This machine's clock is {apart} seconds off {server}'s: set it right and try again. Nothing was signed."),
        REFUSED,
    ),
    wallet.LedgerReplaced: (
        N_(
            "Another ledger answers at {server} than before ({found} instead of {known}): it was reset or replaced. "
            "Nothing was done; `tandem login` takes the new one up."
        ),
        REFUSED,
    ),
    wallet.HeadRefused: (
        N_(
            "{server} shows an account that contradicts what it signed before: {reason}. Keep your files; "
            "`tandem audit` will need them."
        ),
        REFUSED,
    ),
    wallet.PayeeChanged: (
        N_(
            "@{handle} names another person than expected ({found} instead of {known}). Ask them by another way; "
            "nothing was sent."
        ),
        REFUSED,
    ),
    wallet.ProofMissing: (N_("What {server} sent does not prove itself ({what}: {reason}); it was not used."), REFUSED),
    wallet.TokenChanged: (
        N_("The token {symbol} has another {field} than at first use ({found} instead of {known}); nothing was sent."),
        REFUSED,
    ),
    # The chain
    chain.InsufficientNative: (
        N_(
            "Not enough coins: {needed} are needed (the fee of up to {fee} included), {available} are there, "
            "{missing} are missing."
        ),
        REFUSED,
    ),
    chain.GasMissing: (
        N_(
            "The account has {available} of the chain's own coin, and the fee may be {fee}: nothing was sent. "
            "`tandem receive` shows where it can be sent some."
        ),
        REFUSED,
    ),
    chain.InsufficientToken: (
        N_("Not enough of the token {token}: {missing_units} of its smallest unit are missing."),
        REFUSED,
    ),
    chain.TokenWithoutCode: (N_("There is no contract at {token} on this chain; nothing was sent."), REFUSED),
    chain.FeeTooHigh: (
        N_("The node asks {needed} gwei per gas, above the cap of {allowed} gwei; nothing was sent."),
        REFUSED,
    ),
    chain.NodeUnreachable: (N_("The node {url} does not answer ({reason}); nothing was changed."), NETWORK),
    chain.NodeRefused: (N_("The node refused (it says: {message})."), REFUSED),
    chain.ExecutionReverted: (N_("The contract would refuse this (it says: {reason}); nothing was sent."), REFUSED),
    chain.AnswerTooLarge: (N_("The node's answer is longer than {limit_bytes} bytes; it was not read."), NETWORK),
    chain.AnswerMalformed: (N_("The node's answer is not understood ({reason})."), NETWORK),
    chain.WrongChain: (N_("The node is on chain {actual}, not {expected}; nothing was sent."), REFUSED),
    chain.WrongGenesis: (N_("The chain was restarted or is another one (genesis {actual}, not {expected})."), REFUSED),
    chain.TransactionUnseen: (
        N_(
            "The transaction {transaction_hash} was sent, and no block has it after {waited_seconds} seconds; it "
            "may still come."
        ),
        NETWORK,
    ),
    chain.NodeBehind: (
        N_("The node knows {head} blocks and {known} were seen before; wait, or ask another node."),
        NETWORK,
    ),
    chain.StretchTooLong: (N_("The node does not answer for {blocks} blocks at once."), NETWORK),
    chain.TokensDiffer: (N_("{left} and {right} are two assets; they do not add."), REFUSED),
    chain.TokenListMalformed: (N_("The token list is damaged ({reason})."), REFUSED),
    chain.TransactionMalformed: (N_("The transaction is malformed ({reason}); nothing was signed."), REFUSED),
    chain.CalldataMalformed: (N_("The call's data is malformed ({reason}); nothing was signed."), REFUSED),
    chain.DescriptorMalformed: (N_("The description of a contract does not fit at {path} ({reason})."), REFUSED),
    chain.TypedDataMalformed: (N_("The typed data is malformed at {path} ({reason}); nothing was signed."), REFUSED),
    fiat.FeeExceedsAmount: (N_("The fee of {fee_minor} minor units would take the whole amount."), REFUSED),
    fiat.FeeScheduleWrong: (
        N_("The server's fees are not understood ({field} {reason}); nothing was signed."),
        REFUSED,
    ),
    fiat.CurrencyMismatch: (N_("{left} and {right} are two currencies; they do not add."), REFUSED),
    fiat.RecordMalformed: (N_("A ledger record is malformed ({reason}); it was not used."), REFUSED),
    fiat.ProofRefused: (N_("A proof of the ledger does not hold ({reason}); it was not used."), REFUSED),
    fiat.OrderMalformed: (N_("The order's {field} {reason}; nothing was signed."), REFUSED),
    chain.JsonMalformed: (N_("An answer is no proper JSON ({reason})."), NETWORK),
    **KEY_ROWS,
    **POLICY_ROWS,
}
