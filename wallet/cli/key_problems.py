"""What can go wrong with keys and what belongs to them, in words: a part of the table in wallet.cli.problems."""

from __future__ import annotations

from wallet import errors as wallet
from wallet.texts import N_

REFUSED, USAGE = 1, 2

KEY_ROWS: dict[type[Exception], tuple[str, int]] = {
    wallet.KeystoreMalformed: (N_("This is no keystore that can be read: {field}: {reason}."), REFUSED),
    wallet.KeystoreUnopened: (N_("The keystore did not open: its password is another one."), REFUSED),
}
