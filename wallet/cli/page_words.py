"""Words that only the pages need: names of fields there, and why an entry is refused."""

from __future__ import annotations

from wallet.texts import N_

PAGE_WORDS = {
    # InputMalformed.field
    "setting": N_("setting"),
    "filter": N_("filter"),
    "item": N_("item of your history"),
    "draft": N_("review that waits"),
    "speed": N_("speed"),
    # InputMalformed.reason
    "it is too long": N_("it is too long"),
    "there is no such choice": N_("there is no such choice"),
    "it is no longer in your history": N_("it is no longer in your history"),
    "it was sent already, or is too old: begin again": N_("it was sent already, or is too old: begin again"),
    "this page is over: Activity shows what was sent": N_("this page is over: Activity shows what was sent"),
}
