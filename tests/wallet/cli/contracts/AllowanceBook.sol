// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

interface Token {
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}

/// The half of Permit2 that keeps allowances, by its published interface: the same calls, storage per owner, token and
/// spender, and events. For tests; put at Permit2's own address on a local chain.
contract AllowanceBook {
    struct Packed {
        uint160 amount;
        uint48 expiration;
        uint48 nonce;
    }

    struct Pair {
        address token;
        address spender;
    }

    event Approval(address indexed owner, address indexed token, address indexed spender, uint160 amount, uint48 expiration);
    event Lockdown(address indexed owner, address token, address spender);

    mapping(address => mapping(address => mapping(address => Packed))) public allowance;

    function approve(address token, address spender, uint160 amount, uint48 expiration) external {
        Packed storage kept = allowance[msg.sender][token][spender];
        kept.amount = amount;
        kept.expiration = expiration == 0 ? uint48(block.timestamp) : expiration;
        emit Approval(msg.sender, token, spender, amount, expiration);
    }

    function transferFrom(address from, address to, uint160 amount, address token) external {
        Packed storage kept = allowance[from][token][msg.sender];
        require(block.timestamp <= kept.expiration, "expired");
        if (kept.amount != type(uint160).max) kept.amount -= amount;
        require(Token(token).transferFrom(from, to, amount), "token");
    }

    function lockdown(Pair[] calldata approvals) external {
        for (uint256 i = 0; i < approvals.length; ++i) {
            allowance[msg.sender][approvals[i].token][approvals[i].spender].amount = 0;
            emit Lockdown(msg.sender, approvals[i].token, approvals[i].spender);
        }
    }
}
