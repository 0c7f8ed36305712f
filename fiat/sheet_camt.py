"""A statement as ISO 20022 camt.053.001.08 (BankToCustomerStatementV08), valid against its schema. Pure.

Amounts are decimals without sign beside CRDT or DBIT. The account is named by the ledger's id of it (32 hex digits);
each entry's end-to-end id is its transfer's. Balances are OPBD and CLBD by recorded time; by effective time they are
proprietary (OPENING-BY-VALUE-DATE), since the standard's codes mean booked ones.
"""

from __future__ import annotations

import re
from html import escape

from fiat.sheet import Row, Sheet
from fiat.statement import By

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
ISSUER = "Tandem"
_BALANCES = {
    By.RECORDED: ("<Cd>OPBD</Cd>", "<Cd>CLBD</Cd>"),
    By.EFFECTIVE: ("<Prtry>OPENING-BY-VALUE-DATE</Prtry>", "<Prtry>CLOSING-BY-VALUE-DATE</Prtry>"),
}
# What XML 1.0 cannot carry, and line breaks and marks of direction, which these fields do not have.
_UNFIT = re.compile(
    "[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
EXPONENT_MAX = 5


def camt053(found: Sheet) -> str:
    """The document. Raises ValueError for a currency that the standard cannot name (three letters, five decimals)."""
    if not _CURRENCY.fullmatch(found.currency) or found.exponent > EXPONENT_MAX:
        raise ValueError("the standard knows currencies of three letters and up to five decimals")
    opening, closing = _BALANCES[By(found.by)]
    identity = f"{found.account[:16]}-{found.sequence}"
    head = element("GrpHdr", element("MsgId", identity), element("CreDtTm", found.made_at))
    statement = element(
        "Stmt",
        element("Id", identity),
        element("CreDtTm", found.made_at),
        element("FrToDt", element("FrDtTm", found.start), element("ToDtTm", found.closed_at)),
        _account(found),
        _balance(found, Markup(opening), found.start, found.opening_minor),
        _balance(found, Markup(closing), found.closed_at, found.closing_minor),
        _summary(found),
        *(_entry(found, row) for row in found.rows),
    )
    body = element("BkToCstmrStmt", head, statement)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}">{body}</Document>\n'


class Markup(str):
    """XML of ours, which is not escaped again."""

    __slots__ = ()


def element(name: str, *parts: str, **attributes: str) -> Markup:
    """An element with its content; what is no Markup is escaped."""
    given = "".join(f' {key}="{escape(fit(value))}"' for key, value in attributes.items())
    inside = "".join(part if isinstance(part, Markup) else escape(fit(part)) for part in parts)
    return Markup(f"<{name}{given}>{inside}</{name}>")


def fit(text: str) -> str:
    """The text with a blank for each character that XML cannot carry."""
    return _UNFIT.sub(" ", text)


def _optional(name: str, text: str, length_max: int) -> Markup:
    """An element of limited length; nothing where there is no text."""
    kept = fit(text).strip()[:length_max].strip()
    return element(name, kept) if kept else Markup("")


def _account(found: Sheet) -> Markup:
    name = _optional("Nm", found.owner, 70)
    return element(
        "Acct",
        element("Id", element("Othr", element("Id", found.account))),
        element("Ccy", found.currency),
        element("Ownr", name) if name else Markup(""),
        element("Svcr", element("FinInstnId", element("Nm", ISSUER))),
    )


def _amount(found: Sheet, amount_minor: int) -> tuple[Markup, Markup]:
    amount = element("Amt", found.decimal(abs(amount_minor)), Ccy=found.currency)
    return amount, element("CdtDbtInd", "CRDT" if amount_minor >= 0 else "DBIT")


def _balance(found: Sheet, kind: Markup, at: str, balance_minor: int) -> Markup:
    code = element("Tp", element("CdOrPrtry", kind))
    return element("Bal", code, *_amount(found, balance_minor), element("Dt", element("DtTm", at)))


def _summary(found: Sheet) -> Markup:
    def total(name: str, count: int, amount_minor: int) -> Markup:
        return element(name, element("NbOfNtries", str(count)), element("Sum", found.decimal(amount_minor)))

    credits_count = sum(1 for row in found.rows if row.amount_minor >= 0)
    return element(
        "TxsSummry",
        total("TtlCdtNtries", credits_count, found.in_minor),
        total("TtlDbtNtries", len(found.rows) - credits_count, found.out_minor),
    )


def _entry(found: Sheet, row: Row) -> Markup:
    other = _optional("Nm", row.counterparty, 140)
    party = element("Dbtr" if row.amount_minor >= 0 else "Cdtr", element("Pty", other)) if other else Markup("")
    memo = _optional("Ustrd", row.memo, 140)
    details = element(
        "TxDtls",
        element("Refs", element("AcctSvcrRef", str(row.sequence)), element("EndToEndId", row.reference)),
        *_amount(found, row.amount_minor),
        element("RltdPties", party) if party else Markup(""),
        element("RmtInf", memo) if memo else Markup(""),
    )
    return element(
        "Ntry",
        element("NtryRef", str(row.sequence)),
        *_amount(found, row.amount_minor),
        element("Sts", element("Cd", "BOOK")),
        element("BookgDt", element("DtTm", row.recorded_at)),
        element("ValDt", element("Dt", row.effective_on)),
        element("AcctSvcrRef", str(row.sequence)),
        element("BkTxCd", element("Prtry", element("Cd", row.kind), element("Issr", ISSUER))),
        element("NtryDtls", details),
    )
