-- Migration 0003 on sqlite: the chain index. Frozen: a change is a new migration.
-- One statement a paragraph.

CREATE TABLE chain_addresses (
    address BLOB NOT NULL,
    backfill_next INTEGER NOT NULL,
    backfill_until INTEGER,
    PRIMARY KEY (address),
    CONSTRAINT chain_addresses_address_length CHECK (length(address) = 20)
)
 STRICT;

CREATE TABLE chain_blocks (
    generation INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (generation, number),
    CONSTRAINT chain_blocks_hash_length CHECK (length(hash) = 32)
)
 STRICT;

CREATE TABLE chain_generations (
    generation INTEGER NOT NULL,
    chain_id INTEGER NOT NULL,
    genesis_hash BLOB NOT NULL,
    PRIMARY KEY (generation),
    CONSTRAINT chain_generations_genesis_hash_length CHECK (length(genesis_hash) = 32)
)
 STRICT;

CREATE TABLE chain_transfers (
    generation INTEGER NOT NULL,
    block_number INTEGER NOT NULL,
    transaction_index INTEGER NOT NULL,
    log_index INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    transaction_hash BLOB NOT NULL,
    token BLOB,
    sender BLOB NOT NULL,
    receiver BLOB NOT NULL,
    units BLOB NOT NULL,
    succeeded INTEGER NOT NULL,
    PRIMARY KEY (generation, block_number, transaction_index, log_index),
    CONSTRAINT chain_transfers_succeeded_flag CHECK (succeeded IN (0, 1)),
    CONSTRAINT chain_transfers_once UNIQUE (generation, transaction_hash, log_index),
    CONSTRAINT chain_transfers_transaction_hash_length CHECK (length(transaction_hash) = 32),
    CONSTRAINT chain_transfers_sender_length CHECK (length(sender) = 20),
    CONSTRAINT chain_transfers_receiver_length CHECK (length(receiver) = 20),
    CONSTRAINT chain_transfers_units_length CHECK (length(units) = 32)
)
 STRICT;

CREATE INDEX chain_transfers_by_receiver ON chain_transfers (receiver, generation, block_number);

CREATE INDEX chain_transfers_by_sender ON chain_transfers (sender, generation, block_number);
