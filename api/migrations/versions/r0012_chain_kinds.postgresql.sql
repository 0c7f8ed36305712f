-- Migration 0012 on postgresql: the chain index of several chains, kinds of tokens and approvals. Frozen: a change is a
-- new migration. One statement a paragraph.

ALTER TABLE chain_generations
    ADD COLUMN ended TEXT,
    ADD COLUMN parent BIGINT,
    ADD COLUMN cut_height BIGINT,
    ADD COLUMN untraced_from BIGINT,
    ADD CONSTRAINT chain_generations_ended_word CHECK (ended IN ('restart', 'revert', 'reorg'));

UPDATE chain_generations AS old SET ended = 'restart'
WHERE generation < (SELECT max(generation) FROM chain_generations AS newer WHERE newer.chain_id = old.chain_id);

CREATE UNIQUE INDEX chain_generations_followed ON chain_generations (chain_id) WHERE ended IS NULL;

CREATE TABLE chain_watches (
    chain_id BIGINT NOT NULL,
    address BYTEA NOT NULL,
    role BIGINT NOT NULL,
    backfill_next BIGINT NOT NULL,
    backfill_until BIGINT,
    PRIMARY KEY (chain_id, address, role),
    CONSTRAINT chain_watches_role_known CHECK (role IN (0, 1)),
    CONSTRAINT chain_watches_address_length CHECK (length(address) = 20)
);

INSERT INTO chain_watches (chain_id, address, role, backfill_next, backfill_until)
SELECT DISTINCT addresses.chain_id, chain_addresses.address, 0, backfill_next, backfill_until
FROM chain_addresses JOIN addresses ON addresses.address = chain_addresses.address;

DROP TABLE chain_addresses;

DROP INDEX chain_transfers_by_receiver;

DROP INDEX chain_transfers_by_sender;

ALTER TABLE chain_transfers
    ADD COLUMN part BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN kind BIGINT NOT NULL DEFAULT 2,
    ADD COLUMN token_id BYTEA,
    DROP CONSTRAINT chain_transfers_once,
    DROP CONSTRAINT chain_transfers_pkey;

UPDATE chain_transfers SET kind = 0 WHERE token IS NULL;

ALTER TABLE chain_transfers
    ALTER COLUMN part DROP DEFAULT,
    ALTER COLUMN kind DROP DEFAULT,
    ADD PRIMARY KEY (generation, block_number, transaction_index, log_index, part),
    ADD CONSTRAINT chain_transfers_once UNIQUE (generation, transaction_hash, log_index, part);

CREATE INDEX chain_transfers_by_receiver ON chain_transfers (receiver, timestamp);

CREATE INDEX chain_transfers_by_sender ON chain_transfers (sender, timestamp);

CREATE TABLE chain_approvals (
    generation BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    transaction_index BIGINT NOT NULL,
    log_index BIGINT NOT NULL,
    timestamp BIGINT NOT NULL,
    transaction_hash BYTEA NOT NULL,
    kind BIGINT NOT NULL,
    token BYTEA NOT NULL,
    owner BYTEA NOT NULL,
    spender BYTEA NOT NULL,
    number BYTEA NOT NULL,
    PRIMARY KEY (generation, block_number, transaction_index, log_index),
    CONSTRAINT chain_approvals_transaction_hash_length CHECK (length(transaction_hash) = 32),
    CONSTRAINT chain_approvals_token_length CHECK (length(token) = 20),
    CONSTRAINT chain_approvals_owner_length CHECK (length(owner) = 20),
    CONSTRAINT chain_approvals_spender_length CHECK (length(spender) = 20),
    CONSTRAINT chain_approvals_number_length CHECK (length(number) = 32)
);

CREATE INDEX chain_approvals_by_owner ON chain_approvals (owner, generation);

-- What was searched for before knew neither approvals, nor other tokens, nor inner moves.

UPDATE chain_watches SET backfill_next = 0
WHERE backfill_until IS NOT NULL;
