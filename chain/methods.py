"""The functions that are recognised by their selector: tokens, allowances, batches and contract wallets.

A selector says what the bytes ask for, not what the contract does: a stranger's contract may do anything under the name
`transfer`. Which contract it is, is for the review to judge.
"""

from __future__ import annotations

from enum import StrEnum

from chain.fragment import Fragment


class Standard(StrEnum):
    ERC20 = "ERC-20"
    ERC721 = "ERC-721"
    ERC1155 = "ERC-1155"
    ERC2612 = "ERC-2612"
    ERC3009 = "ERC-3009"
    NFT = "ERC-721 / ERC-1155"
    TOKEN = "ERC-20 / ERC-721"  # noqa: S105  # the same selector in two standards
    WETH = "WETH"
    PERMIT2 = "Permit2"
    MULTICALL = "Multicall"
    SAFE = "Safe"
    MULTISEND = "MultiSend"


_DETAILS = "(address token,uint160 amount,uint48 expiration,uint48 nonce)"
_FRAGMENTS: dict[Standard, tuple[str, ...]] = {
    Standard.ERC20: (
        "transfer(address to,uint256 amount)",
        "increaseAllowance(address spender,uint256 addedValue)",
        "decreaseAllowance(address spender,uint256 subtractedValue)",
    ),
    Standard.TOKEN: (
        "approve(address spender,uint256 amount)",
        "transferFrom(address from,address to,uint256 amount)",
    ),
    Standard.ERC2612: (
        "permit(address owner,address spender,uint256 value,uint256 deadline,uint8 v,bytes32 r,bytes32 s)",
        "permit(address holder,address spender,uint256 nonce,uint256 expiry,bool allowed,uint8 v,bytes32 r,bytes32 s)",
    ),
    Standard.ERC3009: (
        "transferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,"
        "bytes32 nonce,uint8 v,bytes32 r,bytes32 s)",
        "receiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,"
        "bytes32 nonce,uint8 v,bytes32 r,bytes32 s)",
    ),
    Standard.ERC721: (
        "safeTransferFrom(address from,address to,uint256 tokenId)",
        "safeTransferFrom(address from,address to,uint256 tokenId,bytes data)",
    ),
    Standard.ERC1155: (
        "safeTransferFrom(address from,address to,uint256 id,uint256 value,bytes data)",
        "safeBatchTransferFrom(address from,address to,uint256[] ids,uint256[] values,bytes data)",
    ),
    Standard.NFT: ("setApprovalForAll(address operator,bool approved)",),
    Standard.WETH: ("deposit()", "withdraw(uint256 amount)"),
    Standard.PERMIT2: (
        "approve(address token,address spender,uint160 amount,uint48 expiration)",
        f"permit(address owner,({_DETAILS} details,address spender,uint256 sigDeadline) permitSingle,bytes signature)",
        f"permit(address owner,({_DETAILS}[] details,address spender,uint256 sigDeadline) permitBatch,bytes signature)",
        "transferFrom(address from,address to,uint160 amount,address token)",
        "transferFrom((address from,address to,uint160 amount,address token)[] transferDetails)",
        "lockdown((address token,address spender)[] approvals)",
    ),
    Standard.MULTICALL: (
        "aggregate((address target,bytes callData)[] calls)",
        "tryAggregate(bool requireSuccess,(address target,bytes callData)[] calls)",
        "blockAndAggregate((address target,bytes callData)[] calls)",
        "tryBlockAndAggregate(bool requireSuccess,(address target,bytes callData)[] calls)",
        "aggregate3((address target,bool allowFailure,bytes callData)[] calls)",
        "aggregate3Value((address target,bool allowFailure,uint256 value,bytes callData)[] calls)",
        "multicall(bytes[] data)",
        "multicall(uint256 deadline,bytes[] data)",
        "multicall(bytes32 previousBlockhash,bytes[] data)",
    ),
    Standard.SAFE: (
        "execTransaction(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,"
        "uint256 gasPrice,address gasToken,address refundReceiver,bytes signatures)",
        "execTransactionFromModule(address to,uint256 value,bytes data,uint8 operation)",
    ),
    Standard.MULTISEND: ("multiSend(bytes transactions)",),
}
METHODS: dict[bytes, tuple[Standard, Fragment]] = {
    fragment.selector: (standard, fragment)
    for standard, texts in _FRAGMENTS.items()
    for fragment in map(Fragment.parse, texts)
}
