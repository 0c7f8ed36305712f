-- Migration 0012 on sqlite: the chain index of several chains, kinds of tokens and approvals. Frozen: a change is a new
-- migration. One statement a paragraph.

ALTER TABLE chain_generations RENAME TO chain_generations_0003;

CREATE TABLE chain_generations (
    generation INTEGER NOT NULL,
    chain_id INTEGER NOT NULL,
    genesis_hash BLOB NOT NULL,
    ended TEXT,
    parent INTEGER,
    cut_height INTEGER,
    untraced_from INTEGER,
    PRIMARY KEY (generation),
    CONSTRAINT chain_generations_ended_word CHECK (ended IN ('restart', 'revert', 'reorg')),
    CONSTRAINT chain_generations_genesis_hash_length CHECK (length(genesis_hash) = 32)
)
 STRICT;

INSERT INTO chain_generations (generation, chain_id, genesis_hash, ended)
SELECT generation, chain_id, genesis_hash,
    CASE WHEN generation < (SELECT max(generation) FROM chain_generations_0003 AS newer WHERE newer.chain_id = old.chain_id)
        THEN 'restart' END
FROM chain_generations_0003 AS old;

DROP TABLE chain_generations_0003;

CREATE UNIQUE INDEX chain_generations_followed ON chain_generations (chain_id) WHERE ended IS NULL;

CREATE TABLE chain_watches (
    chain_id INTEGER NOT NULL,
    address BLOB NOT NULL,
    role INTEGER NOT NULL,
    backfill_next INTEGER NOT NULL,
    backfill_until INTEGER,
    PRIMARY KEY (chain_id, address, role),
    CONSTRAINT chain_watches_role_known CHECK (role IN (0, 1)),
    CONSTRAINT chain_watches_address_length CHECK (length(address) = 20)
)
 STRICT;

INSERT INTO chain_watches (chain_id, address, role, backfill_next, backfill_until)
SELECT DISTINCT addresses.chain_id, chain_addresses.address, 0, backfill_next, backfill_until
FROM chain_addresses JOIN addresses ON addresses.address = chain_addresses.address;

DROP TABLE chain_addresses;

DROP INDEX chain_transfers_by_receiver;

DROP INDEX chain_transfers_by_sender;

ALTER TABLE chain_transfers RENAME TO chain_transfers_0003;

CREATE TABLE chain_transfers (
    generation INTEGER NOT NULL,
    block_number INTEGER NOT NULL,
    transaction_index INTEGER NOT NULL,
    log_index INTEGER NOT NULL,
    part INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    transaction_hash BLOB NOT NULL,
    kind INTEGER NOT NULL,
    token BLOB,
    token_id BLOB,
    sender BLOB NOT NULL,
    receiver BLOB NOT NULL,
    units BLOB NOT NULL,
    succeeded INTEGER NOT NULL,
    PRIMARY KEY (generation, block_number, transaction_index, log_index, part),
    CONSTRAINT chain_transfers_succeeded_flag CHECK (succeeded IN (0, 1)),
    CONSTRAINT chain_transfers_once UNIQUE (generation, transaction_hash, log_index, part),
    CONSTRAINT chain_transfers_transaction_hash_length CHECK (length(transaction_hash) = 32),
    CONSTRAINT chain_transfers_sender_length CHECK (length(sender) = 20),
    CONSTRAINT chain_transfers_receiver_length CHECK (length(receiver) = 20),
    CONSTRAINT chain_transfers_units_length CHECK (length(units) = 32)
)
 STRICT;

INSERT INTO chain_transfers (
    generation, block_number, transaction_index, log_index, part, timestamp, transaction_hash, kind, token, sender,
    receiver, units, succeeded
)
SELECT generation, block_number, transaction_index, log_index, 0, timestamp, transaction_hash,
    CASE WHEN token IS NULL THEN 0 ELSE 2 END, token, sender, receiver, units, succeeded
FROM chain_transfers_0003;

DROP TABLE chain_transfers_0003;

CREATE INDEX chain_transfers_by_receiver ON chain_transfers (receiver, timestamp);

CREATE INDEX chain_transfers_by_sender ON chain_transfers (sender, timestamp);

CREATE TABLE chain_approvals (
    generation INTEGER NOT NULL,
    block_number INTEGER NOT NULL,
    transaction_index INTEGER NOT NULL,
    log_index INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    transaction_hash BLOB NOT NULL,
    kind INTEGER NOT NULL,
    token BLOB NOT NULL,
    owner BLOB NOT NULL,
    spender BLOB NOT NULL,
    number BLOB NOT NULL,
    PRIMARY KEY (generation, block_number, transaction_index, log_index),
    CONSTRAINT chain_approvals_transaction_hash_length CHECK (length(transaction_hash) = 32),
    CONSTRAINT chain_approvals_token_length CHECK (length(token) = 20),
    CONSTRAINT chain_approvals_owner_length CHECK (length(owner) = 20),
    CONSTRAINT chain_approvals_spender_length CHECK (length(spender) = 20),
    CONSTRAINT chain_approvals_number_length CHECK (length(number) = 32)
)
 STRICT;

CREATE INDEX chain_approvals_by_owner ON chain_approvals (owner, generation);

-- What was searched for before knew neither approvals, nor other tokens, nor inner moves.

UPDATE chain_watches SET backfill_next = 0
WHERE backfill_until IS NOT NULL;
