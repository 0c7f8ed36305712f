"""The states of a conversion between a currency and a token, and what comes next, in words."""

from __future__ import annotations

from wallet.heads import Json
from wallet.texts import N_, _

STATES = {
    "incomplete": N_("not accepted yet"),
    "pending_user_transfer_start": N_("waits for your payment"),
    "pending_external": N_("sent; no final block has it yet"),
    "pending_anchor": N_("accepted; your money is held"),
    "on_hold": N_("on hold at the operator"),
    "completed": N_("done"),
    "refunded": N_("not sent; your money is free again"),
    "expired": N_("over; the quote was not used"),
    "too_small": N_("too little came"),
    "too_large": N_("too much came"),
    "error": N_("failed"),
}
STEPS = {
    "sign": N_("Next: you sign the order."),
    "pay": N_("Next: you pay from an address that you proved."),
    "send": N_("Next: the operator sends it."),
    "confirm": N_("Next: blocks confirm it."),
    "credit": N_("Next: the operator credits it."),
    "review": N_("Next: the operator looks at it; your money stays held until it is certain."),
    "nothing": "",
}


def in_words(told: Json) -> str:
    """One line: the state, what is next, and by when."""
    state, step = STATES[told["state"]], STEPS[told["next"]]
    words = [_(state) + ".", _(step)] if step else [_(state) + "."]
    if told["due_at"]:
        words.append(_("By {time}.").format(time=told["due_at"][:19].replace("T", " ") + " UTC"))
    return " ".join(words)
