-- Migration 0002 on postgresql: the server's own tables. Frozen: a change is a new migration.
-- One statement a paragraph.

CREATE TABLE challenges (
    digest BYTEA NOT NULL,
    address BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT pk_challenges PRIMARY KEY (digest)
);

CREATE INDEX ix_challenges_expires_at ON challenges (expires_at);

CREATE TABLE cursors (
    reader TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    CONSTRAINT pk_cursors PRIMARY KEY (reader)
);

CREATE TABLE users (
    holder BYTEA NOT NULL,
    handle TEXT NOT NULL,
    skeleton TEXT NOT NULL,
    genesis BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_users PRIMARY KEY (holder),
    CONSTRAINT ck_users_holder_width CHECK (length(holder) = 32),
    CONSTRAINT uq_users_handle UNIQUE (handle),
    CONSTRAINT uq_users_skeleton UNIQUE (skeleton)
);

CREATE TABLE withdrawals (
    sequence BIGINT NOT NULL,
    holder BYTEA NOT NULL,
    nonce BYTEA NOT NULL,
    gateway TEXT NOT NULL,
    currency TEXT NOT NULL,
    exponent BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    destination BYTEA NOT NULL,
    state TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    settled_sequence BIGINT,
    CONSTRAINT pk_withdrawals PRIMARY KEY (sequence),
    CONSTRAINT ck_withdrawals_state_known CHECK (state IN ('accepted', 'paid', 'returned')),
    CONSTRAINT ck_withdrawals_settled_when CHECK ((state = 'accepted') = (settled_sequence IS NULL))
);

CREATE INDEX ix_withdrawals_due ON withdrawals (state, due_at);

CREATE UNIQUE INDEX uq_withdrawals_order ON withdrawals (holder, nonce);

CREATE TABLE address_requests (
    id BYTEA NOT NULL,
    payee BYTEA NOT NULL,
    payer BYTEA NOT NULL,
    chain_id BIGINT NOT NULL,
    asset TEXT NOT NULL,
    address BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_address_requests PRIMARY KEY (id),
    CONSTRAINT fk_address_requests_payee FOREIGN KEY(payee) REFERENCES users (holder),
    CONSTRAINT fk_address_requests_payer FOREIGN KEY(payer) REFERENCES users (holder)
);

CREATE INDEX ix_address_requests_payee ON address_requests (payee);

CREATE TABLE addresses (
    chain_id BIGINT NOT NULL,
    address BYTEA NOT NULL,
    holder BYTEA NOT NULL,
    valid_before BIGINT NOT NULL,
    signature BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_addresses PRIMARY KEY (chain_id, address),
    CONSTRAINT ck_addresses_address_width CHECK (length(address) = 20),
    CONSTRAINT fk_addresses_holder FOREIGN KEY(holder) REFERENCES users (holder)
);

CREATE INDEX ix_addresses_holder ON addresses (holder);

CREATE TABLE sessions (
    token_hash BYTEA NOT NULL,
    holder BYTEA NOT NULL,
    key BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT pk_sessions PRIMARY KEY (token_hash),
    CONSTRAINT fk_sessions_holder FOREIGN KEY(holder) REFERENCES users (holder)
);

CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);

CREATE INDEX ix_sessions_holder ON sessions (holder);

CREATE TABLE topups (
    holder BYTEA NOT NULL,
    id BYTEA NOT NULL,
    gateway TEXT NOT NULL,
    currency TEXT NOT NULL,
    exponent BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    settled_at BIGINT,
    sequence BIGINT,
    CONSTRAINT pk_topups PRIMARY KEY (holder, id),
    CONSTRAINT ck_topups_id_width CHECK (length(id) = 32),
    CONSTRAINT ck_topups_amount_bounds CHECK (amount_minor > 0 AND amount_minor <= 100000000000000000),
    CONSTRAINT ck_topups_state_known CHECK (state IN ('pending', 'settled')),
    CONSTRAINT ck_topups_settled_when CHECK ((state = 'settled') = (settled_at IS NOT NULL)),
    CONSTRAINT fk_topups_holder FOREIGN KEY(holder) REFERENCES users (holder)
);

CREATE INDEX ix_topups_due ON topups (state, due_at);
