"""A whole process, as the signer starts one: the phrase comes on stdin, the first 255 accounts' addresses go out."""

from __future__ import annotations

import sys

from wallet.hd import DerivationPath, KeyTree
from wallet.mnemonic import readings

COUNT = 255

if __name__ == "__main__":
    tree = KeyTree(readings(sys.stdin.read())[0].seed())
    print("\n".join(tree.derived(DerivationPath.account(index)).address for index in range(COUNT)))
