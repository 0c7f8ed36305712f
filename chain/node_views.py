"""Reads contracts through a node, many in one round trip, each within its own bounds (views.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chain.block import Block
from chain.errors import AnswerMalformed, NodeRefused
from chain.node import Node
from chain.node_provider import Call
from chain.quantity import data, quantity, to_hex
from chain.views import Answer, AnswerState, Bounds, View, answers, chunks, question

ALONE_GAS = 60_000
"""What a call needs beside its bound where it is asked by itself."""
_UNTRIED = Answer(AnswerState.UNTRIED)


@dataclass(frozen=True, slots=True)
class HeadViews:
    """Answers at the head. `is_of_block`: they are of `block` or a later one, so they may be kept until it changes."""

    block: Block
    is_of_block: bool
    answers: tuple[Answer, ...]


async def views_at_head(node: Node, views: Sequence[View], bounds: Bounds) -> HeadViews:
    """The newest block and what the views answer there, in one round trip. Raises NodeError."""
    parts = chunks(views, bounds)
    head, *found = await node.outcomes([("eth_getBlockByNumber", ("latest", False)), *_calls(parts, bounds)])
    if isinstance(head, NodeRefused):
        raise head
    block = Block.parse(head)
    number, told = _read(found, parts, bounds)
    whole = await _asked_again(node, views, told, bounds)
    return HeadViews(block, number is None or number >= block.number, tuple(whole))


async def read_views(node: Node, views: Sequence[View], bounds: Bounds) -> list[Answer]:
    """What the views answer at the head, in one round trip as a rule. Raises NodeError."""
    parts = chunks(views, bounds)
    _, told = _read(await node.outcomes(_calls(parts, bounds)), parts, bounds)
    return await _asked_again(node, views, told, bounds)


def _calls(parts: Sequence[Sequence[View]], bounds: Bounds) -> list[Call]:
    return [("eth_call", ({"data": to_hex(question(part, bounds))}, "latest")) for part in parts]


def _read(
    found: Sequence[object | NodeRefused], parts: Sequence[Sequence[View]], bounds: Bounds
) -> tuple[int | None, list[Answer]]:
    """The lowest block that was asked, and what is known; a node that does not run the code has tried nothing."""
    numbers: list[int] = []
    told: list[Answer] = []
    for outcome, part in zip(found, parts, strict=True):
        try:
            if isinstance(outcome, NodeRefused):
                raise AnswerMalformed("refused")
            number, some = answers(data(outcome), len(part), bounds)
        except AnswerMalformed:
            told += [_UNTRIED] * len(part)
            continue
        numbers.append(number)
        told += some
    return min(numbers, default=None), told


async def _asked_again(node: Node, views: Sequence[View], told: list[Answer], bounds: Bounds) -> list[Answer]:
    """What was not tried for want of gas, or because the node does not run such code, is asked call by call."""
    missing = [place for place, answer in enumerate(told) if answer.state is AnswerState.UNTRIED]
    if missing:
        alone = await node.outcomes([_alone(views[place], bounds) for place in missing])
        for place, outcome in zip(missing, alone, strict=True):
            told[place] = _answer(views[place], outcome, bounds)
    return told


def _alone(view: View, bounds: Bounds) -> Call:
    if view.to is None:
        return "eth_getBalance", (to_hex(view.data), "latest")
    asked = {"to": view.to, "data": to_hex(view.data), "gas": hex(bounds.gas + ALONE_GAS)}
    return "eth_call", (asked, "latest")


def _answer(view: View, outcome: object | NodeRefused, bounds: Bounds) -> Answer:
    if isinstance(outcome, NodeRefused):
        return Answer(AnswerState.REVERTED)
    raw = quantity(outcome).to_bytes(32, "big") if view.to is None else data(outcome)
    return Answer(AnswerState.ANSWERED, len(raw), raw[: bounds.answer_bytes])
