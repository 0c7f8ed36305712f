// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Many reads in one eth_call. It is never deployed: the call "creates" it, and what its constructor returns, where code
/// would stand, are the answers. So it works on every chain, at every block, without anything that lives there.
///
/// The question stands behind the code, its length in the last word: gas for a call (4 bytes), bytes kept of an answer
/// (4), then calls: to (20), length (2), data. To the zero address, whom nobody asks, the data is an owner (20 bytes) and
/// the answer how much of the chain's own coin they have.
/// The answers: 1, the block's number (8 bytes), then for each call: state (1 byte: 0 reverted, 1 answered, 2 not tried for
/// want of gas), the answer's whole length (4), and its first bytes.
contract Views {
    constructor() {
        assembly ("memory-safe") {
            codecopy(0, sub(codesize(), 32), 32)
            let size := mload(0)
            let at := 128
            codecopy(at, sub(sub(codesize(), 32), size), size)
            let end := add(at, size)
            let gasEach := shr(224, mload(at))
            let bytesEach := shr(224, mload(add(at, 4)))
            at := add(at, 8)
            let out := end
            mstore8(out, 1)
            mstore(add(out, 1), shl(192, number()))
            let next := add(out, 9)
            for {} lt(at, end) {} {
                let to := shr(96, mload(at))
                let length := shr(240, mload(add(at, 20)))
                let input := add(at, 22)
                at := add(input, length)
                if iszero(to) {
                    mstore8(next, 1)
                    mstore(add(next, 1), shl(224, 32))
                    mstore(add(next, 5), balance(shr(96, mload(input))))
                    next := add(next, 37)
                    continue
                }
                // A call may take all that it is given, and 1 in 64 stays behind; 200 a byte is what the answers cost.
                let reserve := add(mul(200, add(sub(next, out), add(bytesEach, sub(end, at)))), 50000)
                if lt(gas(), add(add(gasEach, div(gasEach, 63)), reserve)) {
                    mstore8(next, 2)
                    mstore(add(next, 1), 0)
                    next := add(next, 5)
                    continue
                }
                let answered := staticcall(gasEach, to, input, length, 0, 0)
                let whole := returndatasize()
                let kept := whole
                if gt(kept, bytesEach) { kept := bytesEach }
                mstore8(next, answered)
                mstore(add(next, 1), shl(224, whole))
                returndatacopy(add(next, 5), 0, kept)
                next := add(add(next, 5), kept)
            }
            return(out, sub(next, out))
        }
    }
}
