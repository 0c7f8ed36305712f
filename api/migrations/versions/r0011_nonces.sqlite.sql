-- Migration 0011 on sqlite: numbers of transactions that are being prepared or were sent through here.
-- Frozen: a change is a new migration. One statement a paragraph.

CREATE TABLE taken_nonces (
    chain_id INTEGER NOT NULL,
    address BLOB NOT NULL,
    nonce INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT pk_taken_nonces PRIMARY KEY (chain_id, address, nonce),
    CONSTRAINT ck_taken_nonces_address_width CHECK (length(address) = 20)
)
 STRICT;
