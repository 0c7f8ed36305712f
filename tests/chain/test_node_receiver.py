"""Contracts that never had to do with a token, told from people and from those that had, on real chains."""

from chain.address import Address
from chain.calldata import encode_call
from chain.devnet import ETHER, fund, mint, transact
from chain.devnet_contracts import demo_token
from chain.erc20 import transfer
from chain.node import Node
from chain.node_receiver import never_handled
from chain.token import Token, TokenAmount
from chain.transaction import TransactionRequest

DUSD, DEUR = demo_token("DUSD"), demo_token("DEUR")
PERSON, DELEGATED = Address("0x" + 20 * "b0"), Address("0x" + 20 * "b1")
STRANGER, HOLDER, PASSED_ON = (Address("0x" + 20 * pair) for pair in ("c0", "c1", "c2"))
CODE = "0x00"


async def test_who_handled_a_token(chain_node: Node) -> None:
    for contract in (STRANGER, HOLDER, PASSED_ON):
        await chain_node.call("hardhat_setCode", [contract, CODE])
    await chain_node.call("hardhat_setCode", [DELEGATED, "0xef0100" + STRANGER[2:]])
    for contract in (HOLDER, PASSED_ON):
        await mint(chain_node, "DUSD", contract, 5)
    await fund(chain_node, PASSED_ON, ETHER, 0)
    await chain_node.call("hardhat_impersonateAccount", [PASSED_ON])
    await transact(chain_node, [transfer(TokenAmount(5, DUSD), PERSON)], PASSED_ON)
    assert [await never_handled(chain_node, DUSD, to) for to in (STRANGER, HOLDER, PASSED_ON)] == [True, False, False]
    assert [await never_handled(chain_node, DEUR, to) for to in (STRANGER, HOLDER, PASSED_ON)] == [True, True, True]
    assert not await never_handled(chain_node, DUSD, PERSON)
    assert not await never_handled(chain_node, DEUR, DELEGATED), "a person's account, whatever code it runs"
    assert not await never_handled(chain_node, Token.native(31337), STRANGER)
    assert await never_handled(chain_node, Token(31337, PERSON, "NONE", "No code", 6), STRANGER)
    allowed = TransactionRequest(31337, DUSD.address, data=encode_call("approve(address,uint256)", STRANGER, 1))
    await transact(chain_node, [allowed])
    assert await never_handled(chain_node, DUSD, STRANGER), "to be allowed to take is not to have had"
