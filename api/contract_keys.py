"""Contract accounts (ERC-1271): a contract says, at a final block of its chain, which one key signs for it here.

What a contract says can change with the next block; a final one does not go away. The contract is asked once, when the
account is opened; from then on its key is the holder's root. Which block is `finalized` is the node's word: Anvil calls
the 64th before its head so (block 0 at first), Hardhat its head.
"""

from __future__ import annotations

from dataclasses import dataclass

from api.errors import ProofInvalid
from api.proofs import REGISTRATION_SECONDS_MAX, check_window
from chain.address import Address
from chain.block import Block
from chain.calldata import encode_call, selector
from chain.errors import AnswerTooLarge, NodeRefused
from chain.node import Node
from chain.quantity import data, to_hex
from fiat.holder import HolderGenesis
from fiat.order import contract_key_digest

IS_VALID = "isValidSignature(bytes32,bytes)"
MAGIC = selector(IS_VALID).ljust(32, b"\0")
"""What ERC-1271 answers: the function's own selector, as bytes4."""
SIGNATURE_BYTES_MAX = 4096
GAS_MAX = 1_000_000
"""What its answer may cost: enough for several signatures of any usual kind, too little to hold a node up."""

_DELEGATED = bytes.fromhex("ef0100")
"""How the code of a plain key's account begins that lets a contract act for it (EIP-7702)."""


@dataclass(frozen=True, slots=True)
class ContractClaim:
    """The key (20 bytes) that the contract authorised, and whatever the contract takes for its signature."""

    chain_id: int
    key: bytes
    valid_before: int
    signature: bytes


async def final_word(node: Node, ledger_id: bytes, genesis: HolderGenesis, claim: ContractClaim, now: int) -> bytes:
    """The hash of the final block at which the contract, which is the holder's root, says yes to the claim.

    `now` in Unix seconds. Raises InvalidInput, ProofInvalid, NodeError.
    """
    check_window("body.contract.valid_before", claim.valid_before, now, REGISTRATION_SECONDS_MAX)
    account = Address.from_bytes(genesis.root)
    digest = contract_key_digest(
        ledger_id,
        holder=genesis.holder_id,
        chain_id=claim.chain_id,
        account=genesis.root,
        key=claim.key,
        valid_before=claim.valid_before,
    )
    block = Block.parse(await node.call("eth_getBlockByNumber", ("finalized", False)))
    at = {"blockHash": to_hex(block.hash), "requireCanonical": True}  # EIP-1898: this very block or a refusal
    code = data(await node.call("eth_getCode", (account, at)))
    if not code:
        raise ProofInvalid(account, "no contract lives there at the last final block")
    if code.startswith(_DELEGATED):
        raise ProofInvalid(account, "this is a plain key that delegates (EIP-7702), which signs for itself")
    call = {"to": account, "data": to_hex(encode_call(IS_VALID, digest, claim.signature)), "gas": hex(GAS_MAX)}
    if await _said(node, call, at) != to_hex(MAGIC):
        raise ProofInvalid(account, "the contract does not say that this key is its own")
    return block.hash


async def _said(node: Node, call: dict[str, str], at: dict[str, object]) -> object:
    """What the contract answers; None where it reverts, breaks, burns its gas or answers without end."""
    try:
        return await node.call("eth_call", (call, at))
    except (NodeRefused, AnswerTooLarge):
        return None
