"""What went wrong, as a page is told it: JSON-RPC codes and messages. What the node said passes untouched. Pure."""

from __future__ import annotations

from chain.errors import (
    AnswerMalformed,
    AnswerTooLarge,
    ChainError,
    FeeTooHigh,
    InsufficientNative,
    InsufficientToken,
    NodeRefused,
    NodeUnreachable,
    TokenWithoutCode,
    TransactionMalformed,
    WrongChain,
)
from wallet.errors import (
    AccountUnknown,
    BytesNotUnderstood,
    PasswordNeeded,
    PolicyDenied,
    RpcRefused,
    SignerLocked,
    WalletError,
)
from wallet.rpc import Code


def refusal_of(error: WalletError | ChainError, *, only_chain: bool = False) -> RpcRefused:
    """The JSON-RPC error. `only_chain`: no other chain is known, so a missing node is a missing connection at all."""
    match error:
        case RpcRefused():
            return error
        case NodeRefused():
            return RpcRefused(error.code, error.message, error.data)
        case InsufficientNative():
            told = {"available": hex(error.available_wei), "value": hex(error.value_wei), "fee": hex(error.fee_wei)}
            return RpcRefused(Code.INPUT, "insufficient funds for gas * price + value", told)
        case InsufficientToken():
            return RpcRefused(Code.INPUT, "The account has not enough of the token.", None)
        case TokenWithoutCode():
            return RpcRefused(Code.INPUT, "There is no contract at the token's address.", None)
        case FeeTooHigh():
            return RpcRefused(Code.INPUT, "The node asks for more gas price than is ever paid here.", None)
        case NodeUnreachable():
            code = Code.DISCONNECTED if only_chain else Code.CHAIN_DISCONNECTED
            return RpcRefused(code, "The node does not answer.", None)
        case WrongChain():
            return RpcRefused(Code.CHAIN_DISCONNECTED, "The node is on another chain.", None)
        case AnswerMalformed() | AnswerTooLarge():
            return RpcRefused(Code.UNAVAILABLE, "The node's answer is not understood.", None)
        case TransactionMalformed():
            return RpcRefused(Code.PARAMS, f"transaction: {error.reason}.", None)
        case BytesNotUnderstood():
            return RpcRefused(Code.PARAMS, f"{error.kind}: {error.reason}.", None)
        case AccountUnknown():
            return RpcRefused(Code.UNAUTHORISED, "The wallet has no such account any more.", None)
        case SignerLocked():
            return RpcRefused(Code.UNAVAILABLE, "The wallet is locked.", None)
        case PasswordNeeded():
            return RpcRefused(Code.DECLINED, "User denied: the policy does not cover this any more.", None)
        case PolicyDenied():
            return RpcRefused(Code.DECLINED, "User denied: a rule denies it.", None)
    return RpcRefused(Code.INTERNAL, "The wallet failed inside.", None)
