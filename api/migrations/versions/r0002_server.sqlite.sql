-- Migration 0002 on sqlite: the server's own tables. Frozen: a change is a new migration.
-- One statement a paragraph.

CREATE TABLE challenges (
    digest BLOB NOT NULL,
    address BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT pk_challenges PRIMARY KEY (digest)
)
 STRICT;

CREATE INDEX ix_challenges_expires_at ON challenges (expires_at);

CREATE TABLE cursors (
    reader TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    CONSTRAINT pk_cursors PRIMARY KEY (reader)
)
 STRICT;

CREATE TABLE users (
    holder BLOB NOT NULL,
    handle TEXT NOT NULL,
    skeleton TEXT NOT NULL,
    genesis BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT pk_users PRIMARY KEY (holder),
    CONSTRAINT ck_users_holder_width CHECK (length(holder) = 32),
    CONSTRAINT uq_users_handle UNIQUE (handle),
    CONSTRAINT uq_users_skeleton UNIQUE (skeleton)
)
 STRICT;

CREATE TABLE withdrawals (
    sequence INTEGER NOT NULL,
    holder BLOB NOT NULL,
    nonce BLOB NOT NULL,
    gateway TEXT NOT NULL,
    currency TEXT NOT NULL,
    exponent INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    destination BLOB NOT NULL,
    state TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    settled_sequence INTEGER,
    CONSTRAINT pk_withdrawals PRIMARY KEY (sequence),
    CONSTRAINT ck_withdrawals_state_known CHECK (state IN ('accepted', 'paid', 'returned')),
    CONSTRAINT ck_withdrawals_settled_when CHECK ((state = 'accepted') = (settled_sequence IS NULL))
)
 STRICT;

CREATE INDEX ix_withdrawals_due ON withdrawals (state, due_at);

CREATE UNIQUE INDEX uq_withdrawals_order ON withdrawals (holder, nonce);

CREATE TABLE address_requests (
    id BLOB NOT NULL,
    payee BLOB NOT NULL,
    payer BLOB NOT NULL,
    chain_id INTEGER NOT NULL,
    asset TEXT NOT NULL,
    address BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT pk_address_requests PRIMARY KEY (id),
    CONSTRAINT fk_address_requests_payee FOREIGN KEY(payee) REFERENCES users (holder),
    CONSTRAINT fk_address_requests_payer FOREIGN KEY(payer) REFERENCES users (holder)
)
 STRICT;

CREATE INDEX ix_address_requests_payee ON address_requests (payee);

CREATE TABLE addresses (
    chain_id INTEGER NOT NULL,
    address BLOB NOT NULL,
    holder BLOB NOT NULL,
    valid_before INTEGER NOT NULL,
    signature BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT pk_addresses PRIMARY KEY (chain_id, address),
    CONSTRAINT ck_addresses_address_width CHECK (length(address) = 20),
    CONSTRAINT fk_addresses_holder FOREIGN KEY(holder) REFERENCES users (holder)
)
 STRICT;

CREATE INDEX ix_addresses_holder ON addresses (holder);

CREATE TABLE sessions (
    token_hash BLOB NOT NULL,
    holder BLOB NOT NULL,
    "key" BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT pk_sessions PRIMARY KEY (token_hash),
    CONSTRAINT fk_sessions_holder FOREIGN KEY(holder) REFERENCES users (holder)
)
 STRICT;

CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);

CREATE INDEX ix_sessions_holder ON sessions (holder);

CREATE TABLE topups (
    holder BLOB NOT NULL,
    id BLOB NOT NULL,
    gateway TEXT NOT NULL,
    currency TEXT NOT NULL,
    exponent INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    settled_at INTEGER,
    sequence INTEGER,
    CONSTRAINT pk_topups PRIMARY KEY (holder, id),
    CONSTRAINT ck_topups_id_width CHECK (length(id) = 32),
    CONSTRAINT ck_topups_amount_bounds CHECK (amount_minor > 0 AND amount_minor <= 100000000000000000),
    CONSTRAINT ck_topups_state_known CHECK (state IN ('pending', 'settled')),
    CONSTRAINT ck_topups_settled_when CHECK ((state = 'settled') = (settled_at IS NOT NULL)),
    CONSTRAINT fk_topups_holder FOREIGN KEY(holder) REFERENCES users (holder)
)
 STRICT;

CREATE INDEX ix_topups_due ON topups (state, due_at);
