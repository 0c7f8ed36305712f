"""Bank statements as ISO 20022 XML: camt.053 (statement) and camt.054 (notification), of every version. Pure.

Only what is booked is a line; pending entries are left out. An entry that is a batch becomes one line for each of its
transactions where their amounts are there and add up to the entry's, else it stays one line. A line's reference is the
bank's (`AcctSvcrRef`, else `NtryRef`), with the transaction's number in a batch; an entry without any is refused: it
could not be told from another and would be posted twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fiat.bank_line import LINES_MAX, REFERENCE_MAX, BankLine, amount, bounded, day, reference, shortened
from fiat.currency import Currency
from fiat.errors import BankFileMalformed
from fiat.xml_tree import Element, parse

_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.05[34]\.001\.[0-9]{2}", re.ASCII)
_PARTS = ("BkToCstmrStmt/Stmt", "BkToCstmrDbtCdtNtfctn/Ntfctn")
_SIGNS = {"CRDT": 1, "DBIT": -1}


def read_camt(body: bytes, currency: Currency, account: str | None = None) -> list[BankLine]:
    """The booked lines, in order. `account` (an IBAN or another id) picks the statements of one account of several.

    Raises BankFileMalformed naming the line of the file.
    """
    root = parse(body)
    if root.name != "Document" or not _NAMESPACE.fullmatch(root.namespace):
        raise BankFileMalformed("file", f"is no camt.053 or camt.054 but {shortened(root.namespace or root.name)}")
    parts = [part for path in _PARTS for part in root.all(path)]
    if not parts:
        raise BankFileMalformed("file", "has no statement and no notification")
    owners = {_account_of(part) for part in parts}
    if account is None and len(owners) > 1:
        raise BankFileMalformed("file", "is about several accounts: name one")
    lines: list[BankLine] = []
    for part in parts:
        if account is None or _account_of(part) == account:
            for entry in part.all("Ntry"):
                lines += _lines(entry, currency)
                if len(lines) > LINES_MAX:
                    raise BankFileMalformed(_place(entry), f"is beyond {LINES_MAX} lines")
    return lines


def _account_of(part: Element) -> str:
    return part.said("Acct/Id/IBAN", "Acct/Id/Othr/Id")


def _lines(entry: Element, currency: Currency) -> Iterator[BankLine]:
    # Before version .04 the status is the text of Sts itself.
    if entry.said("Sts/Cd", "Sts") != "BOOK":
        return
    whole = _signed(entry, entry, currency)
    details = list(entry.all("NtryDtls/TxDtls"))
    amounts = [_signed(one, entry, currency) if _amount_of(one) is not None else None for one in details]
    named = entry.said("AcctSvcrRef", "NtryRef")
    if len(details) > 1 and all(part is not None for part in amounts) and sum(part or 0 for part in amounts) == whole:
        for number, (one, part) in enumerate(zip(details, amounts, strict=True), 1):
            yield _line(entry, one, f"{named}/{number}" if named else "", part or 0, currency)
    else:
        yield _line(entry, details[0] if len(details) == 1 else None, named, whole, currency)


def _line(entry: Element, details: Element | None, named: str, amount_minor: int, currency: Currency) -> BankLine:
    place = _place(entry)
    own = details if details is not None else entry
    booked_on = _day(entry, "BookgDt", place)
    party = "RltdPties/Dbtr" if amount_minor >= 0 else "RltdPties/Cdtr"
    texts = [found.text for found in own.all("RmtInf/Ustrd")] or [entry.said("AddtlNtryInf")]
    end_to_end = own.said("Refs/EndToEndId")
    return BankLine(
        reference=reference(named or own.said("Refs/AcctSvcrRef"), place),
        booked_on=booked_on,
        value_on=_day(entry, "ValDt", place) if entry.first("ValDt") is not None else booked_on,
        amount_minor=amount_minor,
        currency=currency.code,
        end_to_end="" if end_to_end == "NOTPROVIDED" else bounded(end_to_end, REFERENCE_MAX),
        counterparty=bounded(own.said(f"{party}/Nm", f"{party}/Pty/Nm")),
        text=bounded(" ".join(texts)),
        place=place,
    )


def _amount_of(element: Element) -> Element | None:
    return element.first("Amt", "AmtDtls/TxAmt/Amt")


def _signed(element: Element, entry: Element, currency: Currency) -> int:
    """Above zero what came in. A transaction without a direction of its own has its entry's."""
    place, found = _place(element), _amount_of(element)
    if found is None:
        raise BankFileMalformed(place, "has no amount")
    if (code := found.attributes.get("Ccy", "")) != currency.code:
        raise BankFileMalformed(place, f"is in {shortened(code)}, not in {currency.code}")
    sign = _SIGNS.get(element.said("CdtDbtInd") or entry.said("CdtDbtInd"))
    if sign is None:
        raise BankFileMalformed(place, "is neither CRDT nor DBIT")
    text = found.text.strip()
    if text.startswith("-"):
        raise BankFileMalformed(place, "has an amount below zero")
    return sign * amount(text, currency, place)


def _day(entry: Element, name: str, place: str) -> int:
    text = entry.said(f"{name}/Dt") or entry.said(f"{name}/DtTm")[:10]
    return day(text, f"{place}, {name}")


def _place(element: Element) -> str:
    return f"line {element.line}"
