-- Migration 0015 on sqlite: deposits of tokens, and cases of what vanished after it was credited.
-- Frozen: a change is a new migration. One statement a paragraph.

CREATE TABLE deposit_intents (
    holder BLOB NOT NULL,
    id BLOB NOT NULL,
    chain_id INTEGER NOT NULL,
    treasury BLOB NOT NULL,
    asset TEXT NOT NULL,
    token BLOB,
    decimals INTEGER NOT NULL,
    sender BLOB NOT NULL,
    units BLOB NOT NULL,
    currency TEXT NOT NULL,
    quote BLOB,
    quote_document TEXT,
    if_late TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    signature BLOB NOT NULL,
    CONSTRAINT pk_deposit_intents PRIMARY KEY (holder, id),
    CONSTRAINT ck_deposit_intents_id_width CHECK (length(id) = 32),
    CONSTRAINT ck_deposit_intents_sender_width CHECK (length(sender) = 20),
    CONSTRAINT ck_deposit_intents_treasury_width CHECK (length(treasury) = 20),
    CONSTRAINT ck_deposit_intents_units_width CHECK (length(units) = 32),
    CONSTRAINT ck_deposit_intents_if_late_known CHECK (if_late IN ('requote', 'return')),
    CONSTRAINT ck_deposit_intents_quote_whole CHECK ((quote IS NULL) = (quote_document IS NULL)),
    CONSTRAINT fk_deposit_intents_holder FOREIGN KEY(holder) REFERENCES users (holder),
    CONSTRAINT uq_deposit_intents_quote UNIQUE (quote)
)
 STRICT;

CREATE INDEX ix_deposit_intents_sender ON deposit_intents (chain_id, sender);

CREATE TABLE deposits (
    id BLOB NOT NULL,
    chain_id INTEGER NOT NULL,
    treasury BLOB NOT NULL,
    transaction_hash BLOB NOT NULL,
    asset TEXT NOT NULL,
    token BLOB,
    decimals INTEGER NOT NULL,
    sender BLOB NOT NULL,
    units BLOB NOT NULL,
    block_number INTEGER NOT NULL,
    block_time INTEGER NOT NULL,
    stage TEXT NOT NULL,
    reason TEXT,
    waiting TEXT,
    holder BLOB,
    intent BLOB,
    currency TEXT,
    rate TEXT,
    released INTEGER NOT NULL,
    pending_minor INTEGER,
    arrived BLOB,
    received_minor INTEGER,
    exchanged_minor INTEGER,
    fee_minor INTEGER,
    receive_minor INTEGER,
    spent_by BLOB,
    attempt INTEGER NOT NULL,
    life INTEGER NOT NULL,
    sequence INTEGER,
    refund BLOB,
    refund_units BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT pk_deposits PRIMARY KEY (id),
    CONSTRAINT ck_deposits_id_width CHECK (length(id) = 32),
    CONSTRAINT ck_deposits_treasury_width CHECK (length(treasury) = 20),
    CONSTRAINT ck_deposits_units_width CHECK (length(units) = 32),
    CONSTRAINT ck_deposits_released_flag CHECK (released IN (0, 1)),
    CONSTRAINT ck_deposits_credited_where CHECK (stage != 'credited' OR sequence IS NOT NULL),
    CONSTRAINT uq_deposits_refund UNIQUE (refund)
)
 STRICT;

CREATE INDEX ix_deposits_block ON deposits (chain_id, block_number);

CREATE INDEX ix_deposits_holder ON deposits (holder);

CREATE INDEX ix_deposits_stage ON deposits (chain_id, stage);

CREATE INDEX ix_deposits_transaction_hash ON deposits (transaction_hash);

CREATE UNIQUE INDEX uq_deposits_intent ON deposits (holder, intent);

CREATE TABLE bridge_cases (
    id BLOB NOT NULL,
    chain_id INTEGER NOT NULL,
    asset TEXT NOT NULL,
    deposit BLOB NOT NULL,
    minor INTEGER NOT NULL,
    exponent INTEGER NOT NULL,
    state TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    regained_at INTEGER,
    closed_at INTEGER,
    CONSTRAINT pk_bridge_cases PRIMARY KEY (id),
    CONSTRAINT ck_bridge_cases_id_width CHECK (length(id) = 32),
    CONSTRAINT ck_bridge_cases_state_known CHECK (state IN ('open', 'closed')),
    CONSTRAINT ck_bridge_cases_closed_when CHECK ((state = 'closed') = (closed_at IS NOT NULL))
)
 STRICT;

CREATE INDEX ix_bridge_cases_open ON bridge_cases (chain_id, state);
