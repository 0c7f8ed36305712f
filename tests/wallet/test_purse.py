"""What is kept of one network, and what becomes of it when the chain is another one."""

from __future__ import annotations

from pathlib import Path

from chain.address import Address
from chain.token import Token, TokenAmount
from wallet.networks import Network
from wallet.purse import Purse
from wallet.state import Store

ALICE, BOB = (Address("0x" + 20 * byte) for byte in ("a1", "b0"))
NETWORK = Network(31337, "Devnet", "http://127.0.0.1:8545", relayed=False)


def test_a_chain_that_is_gone_counts_no_more_and_is_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    purse = Purse(NETWORK, store)
    for life in (1, 2):
        purse.keep_genesis(bytes([life]) * 32)
        purse.keep("0x01", TokenAmount(life, Token.native(31337)), BOB, "done", ALICE, life)
        assert purse.met() == {BOB}
        purse.notices.clear()
    purse.keep_genesis(bytes([3]) * 32)
    assert purse.notices == ["chain-restarted"]
    assert (purse.met(), purse.block()) == (frozenset(), None)
    past = store.chain(31337).below("earlier")
    assert past.names() == ["1", "2"]
    assert [past.read(name)["chain"]["genesis"][:2] for name in past.names()] == ["01", "02"]
    purse.set_aside()
    purse.set_aside()
    assert past.names() == ["1", "2", "3"], "nothing known is nothing to keep"
