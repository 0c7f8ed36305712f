"""What is news on one rail: what came, what changed, what a reorganisation took away or brought back."""

from __future__ import annotations

from api.activity import Counterparty, Cursor, Item, Placed
from api.news import WINDOW, Told, compare, first_look
from chain.recorded import Position


def chain(block, index=0, generation=0, **changes):
    place = Position(1000 * generation + block, generation, block, index, -1, 0)
    fields = {"id": f"c31337.{place.place}", "at": "", "kind": "chain_transfer", "rail": "chain", "direction": "in"}
    fields |= {
        "asset": "ETH",
        "amount": "1",
        "amount_minor": "1",
        "decimals": 18,
        "state": "done",
        "transaction": "0x1",
    }
    return Placed(block, place, Item(counterparty=Counterparty(), **(fields | changes)))


def ledger(sequence, state="done"):
    item = chain(0, id=f"l{sequence}.credit", rail="ledger", state=state).item
    return Placed(sequence, sequence, item)


def told(rail, known, window):
    events, after = compare(rail, known, window, Cursor())
    return [(e.name, e.data.id if isinstance(e.data, Item) else e.data["id"]) for e in events], after


def ids(*placed):
    return [each.item.id for each in placed]


def test_what_came_is_told_oldest_first_and_once():
    known = first_look([ledger(3), ledger(1)])
    events, after = told("ledger", known, [ledger(7), ledger(5), ledger(3), ledger(1)])
    assert events == [("ledger", "l5.credit"), ("ledger", "l7.credit")]
    assert told("ledger", after, [ledger(7), ledger(5), ledger(3), ledger(1)]) == ([], after)


def test_places_grow_with_each_event():
    events, _ = compare("ledger", Told(), [ledger(7), ledger(5)], Cursor(chain=Position(9, 0, 1, 2, 3, 0)))
    assert [str(event.place) for event in events] == ["l5c9.0.1.2.3.0", "l7c9.0.1.2.3.0"]


def test_a_state_that_changed_is_told_again_without_moving_the_place():
    known = first_look([ledger(5), ledger(3, "accepted")])
    events, after = compare("ledger", known, [ledger(5), ledger(3, "paid")], Cursor(ledger=5))
    assert [(e.data.id, e.data.state, e.place.ledger) for e in events] == [("l3.credit", "paid", 5)]
    assert told("ledger", after, [ledger(5), ledger(3, "paid")])[0] == []


def test_a_reorganisation_takes_away_and_brings_back_at_another_place():
    first, second = chain(4), chain(5)
    known = first_look([second, first])
    events, after = told("chain", known, [first])
    assert events == [("chain_gone", second.item.id)]
    back = chain(5, 1)
    assert told("chain", after, [back, first])[0] == [("chain", back.item.id)]
    lower = chain(4, 1)
    assert told("chain", known, [lower, first])[0] == [("chain_gone", second.item.id), ("chain", lower.item.id)]


def test_what_slides_out_of_the_window_is_not_gone():
    old = [chain(n) for n in range(WINDOW, 0, -1)]
    window = [chain(WINDOW + 1), *old[:-1]]
    events, after = told("chain", first_look(old), window)
    assert events == [("chain", chain(WINDOW + 1).item.id)]
    # A newer one goes, an older one comes back into sight: it was there all the time.
    assert told("chain", after, old)[0] == [("chain_gone", chain(WINDOW + 1).item.id)]


def test_who_comes_back_is_told_what_came_after_their_place():
    events, _ = told("chain", Told(Position(4, 0, 4, 0, -1, 0)), [chain(6), chain(4), chain(2)])
    assert events == [("chain", chain(6).item.id)]


def test_a_restarted_chain_is_after_the_old_one():
    events, after = told("chain", Told(Position(90, 0, 90, 0, -1, 0)), [chain(2, generation=1)])
    assert [name for name, _ in events] == ["chain"] and after.place.generation == 1


def test_items_that_are_not_shown_are_passed_over():
    hidden = Placed(9, 9, None)
    events, after = told("ledger", first_look([ledger(3)]), [hidden, ledger(3)])
    assert (events, after.place) == ([], 9)
