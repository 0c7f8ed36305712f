-- Migration 0014 on postgresql: what is sent for a currency, and the transactions that were signed for it.
-- Frozen: a change is a new migration. One statement a paragraph.

CREATE TABLE payouts (
    sequence BIGINT NOT NULL,
    holder BYTEA NOT NULL,
    nonce BYTEA NOT NULL,
    asset TEXT NOT NULL,
    units BYTEA NOT NULL,
    receiver BYTEA NOT NULL,
    state TEXT NOT NULL,
    since BIGINT NOT NULL,
    why TEXT,
    due_at BIGINT NOT NULL,
    sender BYTEA,
    number BIGINT,
    transaction_hash BYTEA,
    settled_sequence BIGINT,
    CONSTRAINT pk_payouts PRIMARY KEY (sequence),
    CONSTRAINT ck_payouts_units_width CHECK (length(units) = 32),
    CONSTRAINT ck_payouts_receiver_width CHECK (length(receiver) = 20),
    CONSTRAINT ck_payouts_state_known CHECK (state IN ('pending_anchor', 'pending_external', 'on_hold', 'completed', 'refunded')),
    CONSTRAINT ck_payouts_sender_numbers CHECK ((number IS NULL) = (sender IS NULL))
);

CREATE INDEX ix_payouts_due ON payouts (state, due_at);

CREATE UNIQUE INDEX uq_payouts_number ON payouts (sender, number);

CREATE UNIQUE INDEX uq_payouts_order ON payouts (holder, nonce);

CREATE TABLE payout_sendings (
    transaction_hash BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    raw BYTEA NOT NULL,
    signed_at BIGINT NOT NULL,
    CONSTRAINT pk_payout_sendings PRIMARY KEY (transaction_hash),
    CONSTRAINT ck_payout_sendings_hash_width CHECK (length(transaction_hash) = 32),
    CONSTRAINT fk_payout_sendings_sequence FOREIGN KEY(sequence) REFERENCES payouts (sequence)
);

CREATE INDEX ix_payout_sendings_sequence ON payout_sendings (sequence);
