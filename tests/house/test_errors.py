"""Every error has its row in each table that can meet it."""

from __future__ import annotations

import ast
import inspect

import pytest

from api import errors as own
from api import problems as server
from chain import errors as chain
from fiat import errors as fiat
from wallet import errors as wallet
from wallet.cli import problems as client
from wallet.cli.refusals import MACHINE, SLUGS

# Statements and bank files are the operator's (a person meets StatementTooLong as the server's problem).
ORDERS = ("Order", "PayeeUnknown", "Limit", "Control", "Use", "QuoteUsed", "Receive", "Liquidity", "Inventory")
OPERATORS = ("Statement", "Bank", "Entry", "Reserves", "Source")
# Raised and answered on the server alone; the client meets them as the server's problems, by slug.
SERVER_ONLY = {
    name
    for name, value in vars(fiat).items()
    if name.startswith(("Holder", "Journal", "Nonce", "Debit", *ORDERS, *OPERATORS)) and name != "OrderMalformed"
}
DEVELOPERS_ONLY = {
    name
    for name, value in vars(chain).items()
    if inspect.isclass(value) and issubclass(value, (chain.DevnetError, chain.TreasuryError))
}


def concrete(module, root):
    """Classes of the tree that are raised: the leaves, and whoever has fields of its own."""
    classes = [c for c in vars(module).values() if inspect.isclass(c) and issubclass(c, root) and c is not root]
    parents = {base for c in classes for base in c.__mro__[1:]}
    return [c for c in classes if c not in parents]


def without_row(classes, rows, excepted=frozenset()):
    return sorted(c.__name__ for c in classes if c not in rows and c.__name__ not in excepted)


def test_every_error_has_words_on_the_command_line():
    classes = concrete(wallet, wallet.WalletError) + concrete(chain, chain.ChainError) + concrete(fiat, fiat.FiatError)
    by_slug = {"ServerRefused"}  # worded by the problem's own slug
    assert not without_row(classes, client.ROWS, SERVER_ONLY | DEVELOPERS_ONLY | by_slug)


def test_every_sentence_can_be_filled_in():
    """Its names are fields of the error, or derived from them."""
    wrong = []
    for error, (text, _status) in client.ROWS.items():
        names = set(fields_in(text))
        known = names_of(error)
        if error in client.DERIVED:
            known |= derived_names(client.DERIVED[error])
        wrong += [f"{error.__name__}: {name}" for name in names - known]
    assert not wrong


def fields_in(text):
    tree = ast.parse("f" + repr(text).replace("!r", ""))
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]


def names_of(error):
    if issubclass(error, wallet.WalletError):
        return set(error.names)
    if issubclass(error, chain.ChainError):
        return set(getattr(error, "__dataclass_fields__", {}))
    names = set()
    for cls in error.__mro__:
        if cls is not fiat.FiatError and "__init__" in vars(cls):
            names |= set(inspect.signature(cls.__init__).parameters) - {"self", "fields"}
    return names


def derived_names(derive):
    return {
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(inspect.getmodule(derive))))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_a_missing_row_is_seen():
    class Forgotten(wallet.WalletError):
        pass

    assert without_row([Forgotten], client.ROWS) == ["Forgotten"]


def test_a_field_that_no_error_has_is_seen():
    assert set(fields_in("{path} and {nowhere}")) - names_of(wallet.StateBusy) == {"nowhere"}


@pytest.mark.parametrize("table", [SLUGS, MACHINE])
def test_exit_statuses_are_those_of_the_contract(table):
    assert {status for _text, status in [*table.values(), *client.ROWS.values()]} <= {1, 2, 3, 4}


def test_every_error_has_a_row_at_the_server():
    met = concrete(fiat, fiat.FiatError) + concrete(chain, chain.ChainError) + concrete(own, own.ApiError)
    assert not without_row(met, server.TABLE, DEVELOPERS_ONLY)


def test_every_slug_of_the_server_has_words_at_the_client():
    assert not {row.slug for row in server.rows()} - SLUGS.keys() - MACHINE.keys()
