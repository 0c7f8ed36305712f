-- Migration 0015 on postgresql: deposits of tokens, and cases of what vanished after it was credited.
-- Frozen: a change is a new migration. One statement a paragraph.

CREATE TABLE deposit_intents (
    holder BYTEA NOT NULL,
    id BYTEA NOT NULL,
    chain_id BIGINT NOT NULL,
    treasury BYTEA NOT NULL,
    asset TEXT NOT NULL,
    token BYTEA,
    decimals BIGINT NOT NULL,
    sender BYTEA NOT NULL,
    units BYTEA NOT NULL,
    currency TEXT NOT NULL,
    quote BYTEA,
    quote_document TEXT,
    if_late TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    signature BYTEA NOT NULL,
    CONSTRAINT pk_deposit_intents PRIMARY KEY (holder, id),
    CONSTRAINT ck_deposit_intents_id_width CHECK (length(id) = 32),
    CONSTRAINT ck_deposit_intents_sender_width CHECK (length(sender) = 20),
    CONSTRAINT ck_deposit_intents_treasury_width CHECK (length(treasury) = 20),
    CONSTRAINT ck_deposit_intents_units_width CHECK (length(units) = 32),
    CONSTRAINT ck_deposit_intents_if_late_known CHECK (if_late IN ('requote', 'return')),
    CONSTRAINT ck_deposit_intents_quote_whole CHECK ((quote IS NULL) = (quote_document IS NULL)),
    CONSTRAINT fk_deposit_intents_holder FOREIGN KEY(holder) REFERENCES users (holder),
    CONSTRAINT uq_deposit_intents_quote UNIQUE (quote)
);

CREATE INDEX ix_deposit_intents_sender ON deposit_intents (chain_id, sender);

CREATE TABLE deposits (
    id BYTEA NOT NULL,
    chain_id BIGINT NOT NULL,
    treasury BYTEA NOT NULL,
    transaction_hash BYTEA NOT NULL,
    asset TEXT NOT NULL,
    token BYTEA,
    decimals BIGINT NOT NULL,
    sender BYTEA NOT NULL,
    units BYTEA NOT NULL,
    block_number BIGINT NOT NULL,
    block_time BIGINT NOT NULL,
    stage TEXT NOT NULL,
    reason TEXT,
    waiting TEXT,
    holder BYTEA,
    intent BYTEA,
    currency TEXT,
    rate TEXT,
    released BIGINT NOT NULL,
    pending_minor BIGINT,
    arrived BYTEA,
    received_minor BIGINT,
    exchanged_minor BIGINT,
    fee_minor BIGINT,
    receive_minor BIGINT,
    spent_by BYTEA,
    attempt BIGINT NOT NULL,
    life BIGINT NOT NULL,
    sequence BIGINT,
    refund BYTEA,
    refund_units BYTEA,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT pk_deposits PRIMARY KEY (id),
    CONSTRAINT ck_deposits_id_width CHECK (length(id) = 32),
    CONSTRAINT ck_deposits_treasury_width CHECK (length(treasury) = 20),
    CONSTRAINT ck_deposits_units_width CHECK (length(units) = 32),
    CONSTRAINT ck_deposits_released_flag CHECK (released IN (0, 1)),
    CONSTRAINT ck_deposits_credited_where CHECK (stage != 'credited' OR sequence IS NOT NULL),
    CONSTRAINT uq_deposits_refund UNIQUE (refund)
);

CREATE INDEX ix_deposits_block ON deposits (chain_id, block_number);

CREATE INDEX ix_deposits_holder ON deposits (holder);

CREATE INDEX ix_deposits_stage ON deposits (chain_id, stage);

CREATE INDEX ix_deposits_transaction_hash ON deposits (transaction_hash);

CREATE UNIQUE INDEX uq_deposits_intent ON deposits (holder, intent);

CREATE TABLE bridge_cases (
    id BYTEA NOT NULL,
    chain_id BIGINT NOT NULL,
    asset TEXT NOT NULL,
    deposit BYTEA NOT NULL,
    minor BIGINT NOT NULL,
    exponent BIGINT NOT NULL,
    state TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    regained_at BIGINT,
    closed_at BIGINT,
    CONSTRAINT pk_bridge_cases PRIMARY KEY (id),
    CONSTRAINT ck_bridge_cases_id_width CHECK (length(id) = 32),
    CONSTRAINT ck_bridge_cases_state_known CHECK (state IN ('open', 'closed')),
    CONSTRAINT ck_bridge_cases_closed_when CHECK ((state = 'closed') = (closed_at IS NOT NULL))
);

CREATE INDEX ix_bridge_cases_open ON bridge_cases (chain_id, state);
