// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// Tokens that are not as they should be, for tests of whoever reads or takes them. Anyone mints.

contract Plain {
    string internal _name;
    string internal _symbol;
    uint8 internal _decimals;
    mapping(address owner => uint256) internal _units;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    constructor(string memory name_, string memory symbol_, uint8 decimals_) {
        _name = name_;
        _symbol = symbol_;
        _decimals = decimals_;
    }

    function name() external view virtual returns (string memory) {
        return _name;
    }

    function symbol() external view virtual returns (string memory) {
        return _symbol;
    }

    function decimals() external view virtual returns (uint8) {
        return _decimals;
    }

    function balanceOf(address owner) public view virtual returns (uint256) {
        return _units[owner];
    }

    function mint(address to, uint256 units) external virtual {
        _units[to] += units;
        emit Transfer(address(0), to, units);
    }

    function approve(address spender, uint256 units) external virtual returns (bool) {
        allowance[msg.sender][spender] = units;
        emit Approval(msg.sender, spender, units);
        return true;
    }

    function transfer(address to, uint256 units) external virtual returns (bool) {
        _move(msg.sender, to, units);
        return true;
    }

    /// As the standard has it: whoever moves nothing needs no allowance, so anyone makes anyone "send" zero.
    function transferFrom(address from, address to, uint256 units) external virtual returns (bool) {
        allowance[from][msg.sender] -= units;
        _move(from, to, units);
        return true;
    }

    function _move(address from, address to, uint256 units) internal virtual {
        _units[from] -= units;
        _units[to] += units;
        emit Transfer(from, to, units);
    }
}

/// Moves, and answers nothing (as the first stablecoin of all).
contract NoReturn is Plain("No Return", "NORET", 6) {
    function transfer(address to, uint256 units) external override returns (bool) {
        _move(msg.sender, to, units);
        assembly {
            return(0, 0)
        }
    }
}

/// Moves nothing, answers false and does not revert: the fake deposit of 2018.
contract ReturnsFalse is Plain("Returns False", "FALSE", 6) {
    function transfer(address, uint256) external pure override returns (bool) {
        return false;
    }
}

contract ReturnsTwo is Plain("Returns Two", "TWO", 6) {
    function transfer(address to, uint256 units) external override returns (bool) {
        _move(msg.sender, to, units);
        assembly {
            mstore(0, 2)
            return(0, 32)
        }
    }
}

contract RevertsMegabyte is Plain("Reverts", "REVERTS", 6) {
    function balanceOf(address) public pure override returns (uint256) {
        assembly {
            revert(0, 1048576)
        }
    }

    function transfer(address, uint256) external pure override returns (bool) {
        assembly {
            revert(0, 1048576)
        }
    }
}

/// While it moves, it calls whom it was told to call.
contract Reentrant is Plain("Reentrant", "REENTER", 18) {
    address public target;
    bytes public call;

    function arm(address target_, bytes calldata call_) external {
        target = target_;
        call = call_;
    }

    function _move(address from, address to, uint256 units) internal override {
        address armed = target;
        target = address(0);
        if (armed != address(0)) {
            (bool done,) = armed.call(call);
            require(done, "reentry refused");
        }
        super._move(from, to, units);
    }
}

/// A tenth of what is sent never arrives; the log tells what was sent.
contract FeeOnTransfer is Plain("Fee on Transfer", "FEE", 6) {
    function _move(address from, address to, uint256 units) internal override {
        _units[from] -= units;
        _units[to] += units - units / 10;
        emit Transfer(from, to, units);
    }
}

/// Everybody's balance grows or shrinks without any log.
contract Rebasing is Plain("Rebasing", "REBASE", 18) {
    uint256 public percent = 100;

    function rebase(uint256 percent_) external {
        percent = percent_;
    }

    function balanceOf(address owner) public view override returns (uint256) {
        return _units[owner] * percent / 100;
    }
}

contract DecimalsChanging is Plain("Changing", "CHANGE", 6) {
    function setDecimals(uint8 decimals_) external {
        _decimals = decimals_;
    }
}

contract MegabyteName is Plain("", "", 6) {
    function name() external pure override returns (string memory) {
        return string(new bytes(1048576));
    }

    function symbol() external pure override returns (string memory) {
        return string(new bytes(1048576));
    }
}

/// Longer than any name, short enough to be paid for.
contract LongName is Plain("", "", 6) {
    function name() external pure override returns (string memory text) {
        text = string(new bytes(65536));
    }

    function symbol() external pure override returns (string memory text) {
        text = string(new bytes(65536));
    }

    function balanceOf(address) public pure override returns (uint256) {
        assembly {
            return(0, 65536)
        }
    }
}

contract InvalidUtf8 is Plain("", "", 6) {
    function name() external pure override returns (string memory) {
        bytes memory raw = hex"ff41c328";
        return string(raw);
    }

    function symbol() external pure override returns (string memory) {
        bytes memory raw = hex"555344c0af";
        return string(raw);
    }
}

/// As tokens before ERC-20 was finished: bytes32.
contract Bytes32Name is Plain("", "", 18) {
    function name() external pure override returns (string memory) {
        assembly {
            mstore(0, "Old Maker")
            return(0, 32)
        }
    }

    function symbol() external pure override returns (string memory) {
        assembly {
            mstore(0, "OLD")
            return(0, 32)
        }
    }
}

/// Tells of movements that never were.
contract LogsWithoutBalance is Plain("Logs", "LOGS", 6) {
    function claim(address from, address to, uint256 units) external {
        emit Transfer(from, to, units);
    }
}

contract Pausable is Plain("Pausable", "PAUSE", 6) {
    bool public paused;

    function pause(bool paused_) external {
        paused = paused_;
    }

    function _move(address from, address to, uint256 units) internal override {
        require(!paused, "paused");
        super._move(from, to, units);
    }
}

contract Blacklisting is Plain("Blacklisting", "BLACK", 6) {
    mapping(address account => bool) public listed;

    function blacklist(address account, bool listed_) external {
        listed[account] = listed_;
    }

    function _move(address from, address to, uint256 units) internal override {
        require(!listed[from] && !listed[to], "blacklisted");
        super._move(from, to, units);
    }
}

/// Its code is another contract's, which may be changed any time.
contract Upgradable {
    address public implementation;

    constructor(address implementation_) {
        implementation = implementation_;
    }

    function upgrade(address implementation_) external {
        implementation = implementation_;
    }

    fallback() external {
        address code = implementation;
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), code, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch done
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }
}

/// What an upgradable token may turn into: everybody is a millionaire. It has no state of its own.
contract Generous is Plain("", "", 6) {
    function balanceOf(address) public pure override returns (uint256) {
        return 10 ** 30;
    }
}

interface Receiver {
    function tokensReceived(address operator, address from, address to, uint256 units, bytes calldata, bytes calldata)
        external;
}

/// Tells receivers that have code (ERC-777), who may refuse, spend gas or call back.
contract Erc777Hook is Plain("Hooked", "HOOK", 18) {
    function _move(address from, address to, uint256 units) internal override {
        super._move(from, to, units);
        if (to.code.length > 0) Receiver(to).tokensReceived(msg.sender, from, to, units, "", "");
    }
}

contract EndlessBalance is Plain("Endless", "ENDLESS", 6) {
    function balanceOf(address) public view override returns (uint256 units) {
        while (true) units = gasleft();
    }
}

/// Gone after `kill` where chains still let contracts go; tests take its code away where they do not (EIP-6780).
contract SelfDestructed is Plain("Gone", "GONE", 6) {}
