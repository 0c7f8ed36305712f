"""What the rules of officers' entries are called in words. The codes are the ledger's (fiat.errors.EntryRefused)."""

from __future__ import annotations

from api.texts import N_, _

RULES = {
    "account_unknown": N_("there is no such account"),
    "action_unknown": N_("officers are added, revoked, or their additions cancelled"),
    "amount_missing": N_("--amount has to say how much"),
    "amount_out_of_range": N_("the amount is not one that an entry can move"),
    "cap_differs_from_before": N_("the cap is another than in earlier entries with that paper"),
    "credit_account_wrong": N_("the money may not go to that account"),
    "currency_malformed": N_("the currency is malformed"),
    "currency_wrong": N_("the accounts are in another currency"),
    "debit_account_wrong": N_("the money may not come from that account"),
    "differs_from_its_hold": N_("it differs from the hold that it takes or releases"),
    "fewer_than_two_officers": N_("fewer than two officers would be left"),
    "hold_over": N_("the hold is over: it was taken, released or has ended"),
    "hold_too_long": N_("the hold ends too early for its notice, or later than after 90 days"),
    "hold_unknown": N_("there is no such hold: --hold takes the sequence of its record"),
    "holder_ordered_since": N_("the person has given an order since, so the account is not lost"),
    "more_than_the_rest": N_("it is more than is left of the record that it undoes"),
    "never_recoverable": N_("the person chose that their account can never be recovered"),
    "not_canonical": N_("the paper is not in its one spelling"),
    "nothing_to_cancel": N_("no addition of that number waits"),
    "notice_too_short": N_("the time of notice is not over: 72 hours, 14 days for a recovery"),
    "officer_known_or_too_many": N_("that officer is known already, or there are sixteen"),
    "officer_malformed_or_known": N_("that is no address, or the officer is named already"),
    "officer_not_in_force": N_("a signature is of a key that is no officer's now"),
    "officers_named_already": N_("the first two are named; officers add further ones (officer change)"),
    "officers_not_in_order": N_("the signatures stand in the wrong order"),
    "order_malformed": N_("the paper is malformed"),
    "over_the_cap": N_("it is more than the cap allows"),
    "reason_unknown": N_("there is no such kind or word: docs/runbook.md lists them"),
    "record_undone_is_another_accounts": N_("the record to undo credited another account"),
    "record_undone_unknown": N_("there is no such record that could be undone"),
    "recovery_moves_everything": N_("a recovery moves everything that is there"),
    "revoked_by_another_officer_only": N_("an officer is revoked by another officer"),
    "same_officer_twice": N_("both signatures are of the same officer"),
    "subject_malformed": N_("the subject is malformed"),
    "successor_missing": N_("--successor has to name who takes over"),
    "successor_unknown": N_("the successor has no account here, or is the same person's old one"),
    "two_signatures_needed": N_("two officers have to sign it (officer sign)"),
    "undoes_missing": N_("--undoes has to name the record that is undone"),
}

FIELDS = {
    "_malformed": N_("{field} is malformed"),
    "_unknown": N_("{field} is no field of an entry"),
    "_missing": N_("{field} is missing for this kind of entry"),
    "_not_of_this_reason": N_("{field} has no place in this kind of entry"),
}
"""Rules about one field, by how their code ends."""


REASONS = {
    "undoing": N_("undoing"),
    "compelled": N_("compelled"),
    "recovery": N_("recovery"),
    "hold": N_("operator's hold"),
    "release": N_("release of a hold"),
    "credit": N_("credit"),
}


def reason_in_words(reason: str) -> str:
    """What an entry is for, by its reason's name."""
    return _(REASONS[reason]) if reason in REASONS else reason


def in_words(rule: str) -> str:
    """A rule's code in the operator's language; one without words stays as it is."""
    if rule in RULES:
        return _(RULES[rule])
    for end, text in FIELDS.items():
        if rule.endswith(end):
            return _(text).format(field=rule.removesuffix(end))
    return rule
