"""Details of a bank's file or a paper that cannot be used, in the operator's language.

The libraries that find them speak English and name what they found; `in_words` puts that into the translated sentence.
"""

from __future__ import annotations

import re

from api.texts import N_, _

TEMPLATES = (
    # what a test chain cannot do
    N_("keeps no state file: only Anvil does"),
    N_("goes forward in time only"),
    N_("goes forward by ten years at most"),
    N_("mines 1 to 100000 blocks at once"),
    N_("has no such snapshot, or not any more"),
    N_("is no test chain"),
    # where in a bank's file
    N_("file"),
    N_("header"),
    N_("line {number}"),
    N_("row {number}"),
    N_("row {number}, {column}"),
    # what is wrong with a bank's file
    N_("is larger than {number} bytes"),
    N_("is no XML: {reason}"),
    N_("is in an encoding that this program does not read"),
    N_("is empty"),
    N_("declares a document type or an entity"),
    N_("is nested or goes on beyond all measure"),
    N_("has a text without end"),
    N_("is no camt.053 or camt.054 but {name}"),
    N_("has no statement and no notification"),
    N_("is about several accounts: name one"),
    N_("is beyond {number} lines"),
    N_("has no amount"),
    N_("is in {found}, not in {expected}"),
    N_("is neither CRDT nor DBIT"),
    N_("has an amount below zero"),
    N_("is not UTF-8"),
    N_("has {found} cells, not {expected}"),
    N_("{text} is no day (2026-11-30)"),
    N_("{text} is no amount in {currency}"),
    N_("has no reference of 1 to {number} characters"),
    N_("{text} is no column: they are {names}"),
    N_("the column {name} is missing"),
    N_("a column stands twice"),
    # what is wrong with a file of reference rates
    N_("a day stands there twice"),
    N_("has no reference rates (eurofxref XML is expected)"),
    N_("time is no day such as 2026-11-27"),
    N_("a currency code and a rate above zero are expected"),
    N_("a currency stands there twice"),
    N_("the day has no rates"),
    # what is wrong with a paper of officers
    N_("it is of another kind"),
    N_("it was changed after it was written"),
    N_("too large"),
    N_("no UTF-8"),
    N_("not JSON"),
    N_("nested too deep"),
    N_("a member is named twice"),
    N_("number too long"),
    N_("no integer"),
    N_("a change of officers is signed when it is made"),
    N_("it is another ledger's"),
)


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile("".join(f"(?P<{p}>.+)" if n % 2 else re.escape(p) for n, p in enumerate(parts)), re.S)


_PATTERNS = [(template, _pattern(template)) for template in TEMPLATES]


def detail_in_words(detail: str) -> str:
    """The detail translated; one that no template fits stays as it is (a parser's own words, a field's name)."""
    fitting = ((template, found) for template, known in _PATTERNS if (found := known.fullmatch(detail)))
    # The one with the fewest letters left to its gaps: "row {number}, {column}" goes before "row {number}".
    best = min(fitting, key=lambda each: sum(map(len, each[1].groups())), default=None)
    return _(best[0]).format(**best[1].groupdict()) if best is not None else detail
