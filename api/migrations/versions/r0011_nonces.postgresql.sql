-- Migration 0011 on postgresql: numbers of transactions that are being prepared or were sent through here.
-- Frozen: a change is a new migration. One statement a paragraph.

CREATE TABLE taken_nonces (
    chain_id BIGINT NOT NULL,
    address BYTEA NOT NULL,
    nonce BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT pk_taken_nonces PRIMARY KEY (chain_id, address, nonce),
    CONSTRAINT ck_taken_nonces_address_width CHECK (length(address) = 20)
);
