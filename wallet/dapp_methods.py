"""Which JSON-RPC methods there are at the door: the wallet's own, reads for the node, what is refused, and what the
standard knows and nobody here does. Pure."""

from __future__ import annotations

from enum import StrEnum

SERVED = frozenset(
    {
        "eth_requestAccounts",
        "eth_accounts",
        "eth_coinbase",
        "eth_chainId",
        "net_version",
        "web3_clientVersion",
        "eth_sendTransaction",
        "personal_sign",
        "personal_ecRecover",
        "eth_signTypedData",
        "eth_signTypedData_v3",
        "eth_signTypedData_v4",
        "wallet_requestPermissions",
        "wallet_getPermissions",
        "wallet_revokePermissions",
        "wallet_addEthereumChain",
        "wallet_switchEthereumChain",
        "wallet_watchAsset",
        "wallet_sendCalls",
        "wallet_getCallsStatus",
        "wallet_showCallsStatus",
        "wallet_getCapabilities",
        "eth_subscribe",
        "eth_unsubscribe",
    }
)
RELAYED = frozenset(
    {
        "eth_blobBaseFee",
        "eth_blockNumber",
        "eth_call",
        "eth_createAccessList",
        "eth_estimateGas",
        "eth_feeHistory",
        "eth_gasPrice",
        "eth_getBalance",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getBlockReceipts",
        "eth_getBlockTransactionCountByHash",
        "eth_getBlockTransactionCountByNumber",
        "eth_getCode",
        "eth_getFilterChanges",
        "eth_getFilterLogs",
        "eth_getLogs",
        "eth_getProof",
        "eth_getStorageAt",
        "eth_getTransactionByBlockHashAndIndex",
        "eth_getTransactionByBlockNumberAndIndex",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_getUncleByBlockHashAndIndex",
        "eth_getUncleByBlockNumberAndIndex",
        "eth_getUncleCountByBlockHash",
        "eth_getUncleCountByBlockNumber",
        "eth_maxPriorityFeePerGas",
        "eth_newBlockFilter",
        "eth_newFilter",
        "eth_sendRawTransaction",
        "eth_simulateV1",
        "eth_syncing",
        "eth_uninstallFilter",
        "net_listening",
        "web3_sha3",
    }
)
"""What says nothing of this wallet and changes nothing of the node's; a raw transaction is signed already."""
ABSENT = frozenset(
    {
        "eth_getRawTransactionByBlockHashAndIndex",
        "eth_getRawTransactionByBlockNumberAndIndex",
        "eth_getRawTransactionByHash",
        "eth_getWork",
        "eth_hashrate",
        "eth_mining",
        "eth_newPendingTransactionFilter",
        "eth_pendingTransactions",
        "eth_protocolVersion",
        "eth_submitHashrate",
        "eth_submitWork",
        "net_peerCount",
    }
)
"""Methods of EIP-1474 that are neither the wallet's nor passed on: mining, the node's own pool and peers."""
_REFUSED = frozenset({"eth_sign", "eth_signTransaction", "eth_decrypt", "eth_getEncryptionPublicKey"})
_REFUSED_PREFIXES = ("admin_", "anvil_", "debug_", "evm_", "hardhat_", "miner_", "personal_", "engine_", "txpool_")


class How(StrEnum):
    """What becomes of a method: answered by the wallet, by the node, refused by name, not built, or not known."""

    SERVED = "served"
    RELAYED = "relayed"
    REFUSED = "refused"
    ABSENT = "absent"
    UNKNOWN = "unknown"


def how(method: str) -> How:
    if method in SERVED:
        return How.SERVED
    if method in RELAYED:
        return How.RELAYED
    if method in _REFUSED or method.startswith(_REFUSED_PREFIXES):
        return How.REFUSED
    return How.ABSENT if method in ABSENT else How.UNKNOWN
