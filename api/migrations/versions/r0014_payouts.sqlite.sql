-- Migration 0014 on sqlite: what is sent for a currency, and the transactions that were signed for it.
-- Frozen: a change is a new migration. One statement a paragraph.

CREATE TABLE payouts (
    sequence INTEGER NOT NULL,
    holder BLOB NOT NULL,
    nonce BLOB NOT NULL,
    asset TEXT NOT NULL,
    units BLOB NOT NULL,
    receiver BLOB NOT NULL,
    state TEXT NOT NULL,
    since INTEGER NOT NULL,
    why TEXT,
    due_at INTEGER NOT NULL,
    sender BLOB,
    number INTEGER,
    transaction_hash BLOB,
    settled_sequence INTEGER,
    CONSTRAINT pk_payouts PRIMARY KEY (sequence),
    CONSTRAINT ck_payouts_units_width CHECK (length(units) = 32),
    CONSTRAINT ck_payouts_receiver_width CHECK (length(receiver) = 20),
    CONSTRAINT ck_payouts_state_known CHECK (state IN ('pending_anchor', 'pending_external', 'on_hold', 'completed', 'refunded')),
    CONSTRAINT ck_payouts_sender_numbers CHECK ((number IS NULL) = (sender IS NULL))
)
 STRICT;

CREATE INDEX ix_payouts_due ON payouts (state, due_at);

CREATE UNIQUE INDEX uq_payouts_number ON payouts (sender, number);

CREATE UNIQUE INDEX uq_payouts_order ON payouts (holder, nonce);

CREATE TABLE payout_sendings (
    transaction_hash BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    raw BLOB NOT NULL,
    signed_at INTEGER NOT NULL,
    CONSTRAINT pk_payout_sendings PRIMARY KEY (transaction_hash),
    CONSTRAINT ck_payout_sendings_hash_width CHECK (length(transaction_hash) = 32),
    CONSTRAINT fk_payout_sendings_sequence FOREIGN KEY(sequence) REFERENCES payouts (sequence)
)
 STRICT;

CREATE INDEX ix_payout_sendings_sequence ON payout_sendings (sequence);
