"""Contract accounts (ERC-1271): a contract says, at a final block of its chain, which one key signs for it here.

What a contract says can change with the next block; a final one does not go away. The contract is asked once, when the
account is opened; from then on its key is the holder's root.
"""

from __future__ import annotations

from dataclasses import dataclass

from api.errors import ProofInvalid
from api.proofs import REGISTRATION_SECONDS_MAX, check_window
from chain.address import Address
from chain.block import Block
from chain.calldata import encode_call, selector
from chain.errors import AnswerMalformed, NodeRefused
from chain.node import Node
from fiat.holder import HolderGenesis
from fiat.order import contract_key_digest

IS_VALID = "isValidSignature(bytes32,bytes)"
MAGIC = selector(IS_VALID).ljust(32, b"\0")
"""What ERC-1271 answers: the function's own selector, as bytes4."""
SIGNATURE_BYTES_MAX = 4096


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
    (code,) = await node.outcomes([("eth_getCode", (account, hex(block.number)))])
    if isinstance(code, NodeRefused) or code in ("0x", "0x0", None):
        raise ProofInvalid(account, "no contract lives there at the last final block")
    try:
        said = await node.read(account, encode_call(IS_VALID, digest, claim.signature), block.number)
    except (NodeRefused, AnswerMalformed):  # it reverts, or answers with what is no bytes
        said = b""
    if said != MAGIC:
        raise ProofInvalid(account, "the contract does not say that this key is its own")
    return block.hash
