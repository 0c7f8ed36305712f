"""Changes JSON where it means something: one value is replaced, taken away, doubled, or spelt a little otherwise."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from typing import Any

VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        8,
        255,
        256,
        2**32,
        2**255,
        2**256 - 1,
        2**256,
        1.0,
        "",
        "0",
        "1",
        "-1",
        "0x",
        "0x0",
    ),
    *(
        "0x" + "00" * 20,
        "0x" + "ff" * 32,
        "uint256",
        "int8",
        "bytes32",
        "bytes",
        "string",
        "bool",
        "address",
        "uint8[]",
    ),
    *(
        "uint256[2]",
        "EIP712Domain",
        "scrypt",
        "pbkdf2",
        "hmac-sha256",
        "\ud800",
        "é",
        [],
        [[]],
        {},
        "00" * 16,
        "00" * 32,
    ),
]


def mutate_json(data: bytes, size_max: int, seed: int) -> bytes | None:
    """Another document, or None where the bytes are no JSON object or array."""
    chance = random.Random(seed)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, (dict, list)) or not document:
        return None
    for _ in range(chance.randint(1, 3)):
        _change(*_place(document, chance), document, chance)
    written = json.dumps(document, separators=(",", ":")).encode()
    return written if len(written) <= size_max else None


def _place(document: Any, chance: random.Random) -> tuple[Any, Any]:
    """A member or an element, as what holds it and its name or number; mostly one far in, of any branch alike."""
    while document:
        name = chance.choice(list(document) if isinstance(document, dict) else range(len(document)))
        inner = document[name]
        if not isinstance(inner, (dict, list)) or not inner or chance.random() < 0.2:
            return document, name
        document = inner
    return {"": None}, ""  # everything was taken away before


def _change(holder: Any, name: Any, document: Any, chance: random.Random) -> None:
    now = holder[name]
    match chance.randint(0, 7):
        case 0:
            del holder[name]
        case 1:
            other, other_name = _place(document, chance)
            holder[name] = deepcopy(other[other_name])
        case 2 if isinstance(holder, list):
            holder.insert(name, deepcopy(now))
        case 3 if isinstance(holder, dict):
            holder[chance.choice([str(name).lower(), str(name).upper(), str(name) + "x", "name", "type"])] = deepcopy(
                now
            )
        case 4 if isinstance(now, str) and now:
            at = chance.randrange(len(now))
            holder[name] = now[:at] + chance.choice("0123456789abcdefABCDEF[]x- ") + now[at + 1 :]
        case _:
            holder[name] = deepcopy(chance.choice(VALUES))
