-- Migration 0003 on postgresql: the chain index. Frozen: a change is a new migration.
-- One statement a paragraph.

CREATE TABLE chain_addresses (
    address BYTEA NOT NULL,
    backfill_next BIGINT NOT NULL,
    backfill_until BIGINT,
    PRIMARY KEY (address),
    CONSTRAINT chain_addresses_address_length CHECK (length(address) = 20)
);

CREATE TABLE chain_blocks (
    generation BIGINT NOT NULL,
    number BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (generation, number),
    CONSTRAINT chain_blocks_hash_length CHECK (length(hash) = 32)
);

CREATE TABLE chain_generations (
    generation BIGINT NOT NULL,
    chain_id BIGINT NOT NULL,
    genesis_hash BYTEA NOT NULL,
    PRIMARY KEY (generation),
    CONSTRAINT chain_generations_genesis_hash_length CHECK (length(genesis_hash) = 32)
);

CREATE TABLE chain_transfers (
    generation BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    transaction_index BIGINT NOT NULL,
    log_index BIGINT NOT NULL,
    timestamp BIGINT NOT NULL,
    transaction_hash BYTEA NOT NULL,
    token BYTEA,
    sender BYTEA NOT NULL,
    receiver BYTEA NOT NULL,
    units BYTEA NOT NULL,
    succeeded BIGINT NOT NULL,
    PRIMARY KEY (generation, block_number, transaction_index, log_index),
    CONSTRAINT chain_transfers_succeeded_flag CHECK (succeeded IN (0, 1)),
    CONSTRAINT chain_transfers_once UNIQUE (generation, transaction_hash, log_index),
    CONSTRAINT chain_transfers_transaction_hash_length CHECK (length(transaction_hash) = 32),
    CONSTRAINT chain_transfers_sender_length CHECK (length(sender) = 20),
    CONSTRAINT chain_transfers_receiver_length CHECK (length(receiver) = 20),
    CONSTRAINT chain_transfers_units_length CHECK (length(units) = 32)
);

CREATE INDEX chain_transfers_by_receiver ON chain_transfers (receiver, generation, block_number);

CREATE INDEX chain_transfers_by_sender ON chain_transfers (sender, generation, block_number);
