"""What a disk may hold after the power went: a trace of a program's system calls, and the file states that it allows.

`read_trace` turns strace's text (`-f -y -xx`) into effects on files. A `Disk` rebuilds, for a crash at any line, real
files from what was there before and the effects so far: what a finished sync covers is there; of the rest any subset,
and of a write any of its sectors. Names are entries of the directory: made or removed for certain only once the
directory was synced. Memory-mapped files (SQLite's -shm) are taken as lost.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

SECTORS = (512, 4096)
CALLS = "openat,pwrite64,write,ftruncate,fsync,fdatasync,unlink,rename"
Kept = Callable[[], bool]
_LINE = re.compile(r"(\d+) +(.*)")
_CALL = re.compile(r"(\w+)\((.*)")
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)")
_UNFINISHED = " <unfinished ...>"
_DONE = re.compile(r"(.*)\) += (-?\d+)(.*)", re.DOTALL)
_FILE = re.compile(r"\d+<((?:\\x[0-9a-f]{2})*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(slots=True)
class Effect:
    """One system call on one path: it began and ended at these lines of the trace."""

    kind: str
    path: str
    begin: int
    end: int
    offset: int = 0
    data: bytes = b""
    covered_at: int = field(default=1 << 60)
    """The line at which a sync that covers it had ended."""


class UnreadableTrace(Exception):
    """A line of the trace that this module does not understand; guessing would make the storm worthless."""


def read_trace(lines: Iterable[str]) -> list[Effect]:
    """Effects in the order in which they began. Failed calls have none."""
    begun: dict[str, tuple[int, str]] = {}
    effects = []
    for number, line in enumerate(lines):
        thread, text = _LINE.fullmatch(line.rstrip("\n")).groups()
        if text.startswith(("+++", "---")):
            continue
        if resumed := _RESUMED.fullmatch(text):
            began, text = begun.pop(thread)
            text += resumed[2]
        else:
            began = number
        if text.endswith(_UNFINISHED):
            begun[thread] = (began, text.removesuffix(_UNFINISHED))
            continue
        effects += _effects(text, began, number)
    effects += [e for began, text in begun.values() for e in _effects(text + ") = 0", began, 1 << 60)]
    return _covered(sorted(effects, key=lambda effect: effect.begin))


def _effects(text: str, begin: int, end: int) -> Iterator[Effect]:
    call, done = _CALL.fullmatch(text), _DONE.fullmatch(text)
    if call is None or done is None:
        raise UnreadableTrace(text[:200])
    name, result = call[1], int(done[2])
    if result < 0:
        return
    if name == "openat":
        if "O_CREAT" in text:
            yield Effect("make", _bytes(_TEXT.search(text)[1]).decode(), begin, end)
        if "O_TRUNC" in text:
            raise UnreadableTrace(text[:200])
    elif name in ("pwrite64", "write"):
        data = _bytes(_TEXT.search(text)[1])
        offset = int(done[1].rsplit(",", 1)[1]) if name == "pwrite64" else -1
        if len(data) < result:
            raise UnreadableTrace("strace cut a write short")
        yield Effect("write", _path(text), begin, end, offset, data[:result])
    elif name == "ftruncate":
        yield Effect("truncate", _path(text), begin, end, int(done[1].rsplit(",", 1)[1]))
    elif name in ("fsync", "fdatasync"):
        yield Effect("sync", _path(text), begin, end)
    elif name == "unlink":
        yield Effect("remove", _bytes(_TEXT.search(text)[1]).decode(), begin, end)
    else:
        raise UnreadableTrace(text[:200])


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def _path(text: str) -> str:
    return _bytes(_FILE.search(text)[1]).decode()


def _covered(effects: list[Effect]) -> list[Effect]:
    """Note for each effect when the first sync that began after its end had ended."""
    for sync in (effect for effect in effects if effect.kind == "sync"):
        for effect in effects:
            # A name is covered by a sync of its directory, content by a sync of the file.
            place = str(Path(effect.path).parent) if effect.kind in ("make", "remove") else effect.path
            if place == sync.path and effect.end < sync.begin and effect.kind != "sync":
                effect.covered_at = min(effect.covered_at, sync.end)
    return effects


class Disk:
    """The folder as it was before the program began (synced), and what the program did to it."""

    def __init__(self, before: dict[str, bytes], effects: list[Effect]) -> None:
        self.before, self.effects, self.lost, names = before, [], 0, set(before)
        for effect in effects:
            if effect.kind == "make" and effect.path in names:
                continue  # opened, but it was there
            if effect.kind in ("make", "remove"):
                (names.add if effect.kind == "make" else names.discard)(effect.path)
            if effect.kind != "sync":
                self.effects.append(effect)

    def crash(self, at: int, dice: Random) -> dict[str, bytes]:
        """Files by name after a crash at that line; which of the writes not yet covered are there, `dice` says."""
        policy = _policy(dice)

        def kept() -> bool:
            there = policy()
            self.lost += not there
            return there

        return self._state(at, kept, dice)

    def last(self) -> dict[str, bytes]:
        """Files by name when everything is there: what the program left, if the trace tells all that it did."""
        return self._state(1 << 60, lambda: True, Random(0))

    def _state(self, at: int, kept: Kept, dice: Random) -> dict[str, bytes]:
        files = {path: bytearray(content) for path, content in self.before.items()}
        hidden: dict[str, bytearray] = {}
        for effect in self.effects:
            if effect.begin > at:
                break
            certain = effect.covered_at <= at
            if effect.kind == "make":
                _make(effect.path, files, hidden, seen=certain or kept())
            elif effect.kind == "remove":
                if certain or kept():
                    files.pop(effect.path, None)
                hidden.pop(effect.path, None)
            else:
                content = files.get(effect.path, hidden.get(effect.path))
                if content is not None:
                    _apply(effect, content, kept, None if certain else dice.choice(SECTORS))
        return {path: bytes(content) for path, content in files.items()}


def _make(path: str, files: dict[str, bytearray], hidden: dict[str, bytearray], *, seen: bool) -> None:
    """A new name that is lost takes its file along: what is written to it afterwards goes nowhere to be found."""
    if path not in files:
        (files if seen else hidden).setdefault(path, bytearray())


def _apply(effect: Effect, content: bytearray, kept: Kept, sector: int | None) -> None:
    """All of it, or (given a sector size) the sectors that are kept."""
    if effect.kind == "truncate":
        if sector is None or kept():
            del content[effect.offset :]
            content.extend(bytes(effect.offset - len(content)))
        return
    start, end = effect.offset, effect.offset + len(effect.data)
    pieces = [(start, end)]
    if sector is not None:
        cuts = [start, *range(start // sector * sector + sector, end, sector), end]
        pieces = [piece for piece in itertools.pairwise(cuts) if kept()]
    for first, last in pieces:
        content.extend(bytes(max(0, last - len(content))))
        content[first:last] = effect.data[first - start : last - start]


def _policy(dice: Random) -> Kept:
    """How much of what is not covered is there: nothing, all, the first few sectors, or each with some probability."""
    choice = dice.randrange(5)
    if choice < 2:
        return lambda: choice == 1
    if choice == 2:
        rest = iter(range(dice.randrange(40)))
        return lambda: next(rest, None) is not None
    share = dice.random()
    return lambda: dice.random() < share


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    for path, content in files.items():
        (folder / Path(path).name).write_bytes(content)
