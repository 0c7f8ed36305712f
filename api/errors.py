"""Everything that `api` itself refuses. Exceptions carry fields, never sentences; problems.py gives them words.

ApiError
|- MalformedJson             reason
|- BodyTooLarge              limit
|- UnsupportedMediaType
|- InvalidInput              errors: [{field, reason}]
|- NotFound                  what (not there and not yours are the same answer)
|- TooManyRequests           retry_after_seconds
|- NotBuiltYet               what
|- SignInRefused
|  |- SessionRequired
|  |- SessionExpired
|  |- ChallengeUnknown       used, expired or never issued here
|  `- SignatureInvalid       what
|- HandleRefused
|  |- HandleInvalid          reason
|  |- HandleTaken            handle
|  `- HandleLooksAlike       handle
|- HolderRegistered          handle (the holder already has that one)
|- ProofInvalid              account, reason
|- IdConflict                id (known, with other content)
|- TextsWrong                field, reason
|- DestinationInvalid        reason
|- ExponentWrong             currency, expected
|- AmountOutOfRange          field, minimum, maximum
|- PayeeIsSelf
|- MachineRefused            status, nonce, leg (the slug is the machine's own status)
|- QuoteRefused
|  |- QuoteUnavailable       from, to, reason (the price is stale or missing)
|  |- QuoteUnknown           reference (not there, somebody else's, or for something else)
|  `- QuoteExpired           expires_at, now (Unix seconds)
|- DepositRefused
|  |- DepositsClosed         (no treasury is set)
|  |- SenderUnproved         sender (no address that the holder has proved)
|  `- AssetFrozen            asset (something final vanished of it; people have not looked yet)
|- ReceiverUnproven          address, chain_id (a token is sent to an address that its holder proved)
|- ChainUnavailable          chain_id
|- TransactionRefused        reason (a word of ours), and what it is about
|- FundingRefused            transaction, reason (a word; on the command line only)
|- SettingWrong              name, reason (at start only)
|- OfficerKeyRefused         reason (of a key file; on the command line only)
|- OfficerDocumentMalformed  reason (of a paper between officers; on the command line only)
`- StageFailed               command, output (demo and end-to-end tests only)
"""

from __future__ import annotations


class ApiError(Exception):
    """Root of the tree. `fields` is what the problem document shows; never a secret."""

    def __init__(self, **fields: object) -> None:
        super().__init__()
        self.fields = fields

    def __str__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.fields.items())


class MalformedJson(ApiError):
    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class BodyTooLarge(ApiError):
    def __init__(self, limit: int) -> None:
        super().__init__(limit=limit)


class UnsupportedMediaType(ApiError):
    pass


class InvalidInput(ApiError):
    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__(errors=[{"field": field, "reason": reason} for field, reason in errors])


class NotFound(ApiError):
    def __init__(self, what: str) -> None:
        super().__init__(what=what)


class TooManyRequests(ApiError):
    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(retry_after_seconds=retry_after_seconds)


class NotBuiltYet(ApiError):
    def __init__(self, what: str) -> None:
        super().__init__(what=what)


class SignInRefused(ApiError):
    pass


class SessionRequired(SignInRefused):
    pass


class SessionExpired(SignInRefused):
    pass


class ChallengeUnknown(SignInRefused):
    pass


class SignatureInvalid(SignInRefused):
    def __init__(self, what: str) -> None:
        super().__init__(what=what)


class HandleRefused(ApiError):
    pass


class HandleInvalid(HandleRefused):
    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class HandleTaken(HandleRefused):
    def __init__(self, handle: str) -> None:
        super().__init__(handle=handle)


class HandleLooksAlike(HandleRefused):
    def __init__(self, handle: str) -> None:
        super().__init__(handle=handle)


class HolderRegistered(ApiError):
    def __init__(self, handle: str) -> None:
        super().__init__(handle=handle)


class ProofInvalid(ApiError):
    def __init__(self, account: str, reason: str) -> None:
        super().__init__(account=account, reason=reason)


class IdConflict(ApiError):
    def __init__(self, id: str) -> None:  # noqa: A002  # the name in the contract
        super().__init__(id=id)


class TextsWrong(ApiError):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field=field, reason=reason)


class DestinationInvalid(ApiError):
    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class ExponentWrong(ApiError):
    def __init__(self, currency: str, expected: int) -> None:
        super().__init__(currency=currency, expected=expected)


class AmountOutOfRange(ApiError):
    def __init__(self, field: str, minimum: int, maximum: int) -> None:
        super().__init__(field=field, minimum=str(minimum), maximum=str(maximum))


class PayeeIsSelf(ApiError):
    pass


class MachineRefused(ApiError):
    """The ledger's machine said no and remembers it: the same answer every time."""

    def __init__(self, status: str, nonce: str, leg: int) -> None:
        super().__init__(status=status, nonce=nonce, leg=str(leg))
        self.status = status


class QuoteRefused(ApiError):
    pass


class QuoteUnavailable(QuoteRefused):
    def __init__(self, give: str, receive: str, reason: str) -> None:
        super().__init__(**{"from": give, "to": receive, "reason": reason})


class QuoteUnknown(QuoteRefused):
    def __init__(self, reference: str) -> None:
        super().__init__(reference=reference)


class QuoteExpired(QuoteRefused):
    def __init__(self, expires_at: int, now: int) -> None:
        super().__init__(expires_at=str(expires_at), now=str(now))


class DepositRefused(ApiError):
    pass


class DepositsClosed(DepositRefused):
    pass


class SenderUnproved(DepositRefused):
    def __init__(self, sender: str) -> None:
        super().__init__(sender=sender)


class AssetFrozen(DepositRefused):
    def __init__(self, asset: str) -> None:
        super().__init__(asset=asset)


class ReceiverUnproven(ApiError):
    def __init__(self, address: str, chain_id: int) -> None:
        super().__init__(address=address, chain_id=chain_id)


class ChainUnavailable(ApiError):
    def __init__(self, chain_id: int) -> None:
        super().__init__(chain_id=chain_id)


class TransactionRefused(ApiError):
    """`reason`: wrong_chain, type_not_sent, fee_above_cap, nonce_used, nonce_far, authorization_everywhere, or
    node (which says `message`)."""

    def __init__(self, reason: str, **facts: object) -> None:
        super().__init__(reason=reason, **facts)


class FundingRefused(ApiError):
    def __init__(self, transaction: str, reason: str) -> None:
        super().__init__(transaction=transaction, reason=reason)


class SettingWrong(ApiError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name=name, reason=reason)


class OfficerKeyRefused(ApiError):
    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class OfficerDocumentMalformed(ApiError):
    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class StageFailed(ApiError):
    """A command of the demo's stage did not end as it should. Never met over HTTP."""

    def __init__(self, command: str, output: str) -> None:
        super().__init__(command=command, output=output)
