-- Migration 0006 on postgresql: quotes.
-- Frozen: a change is a new migration. One statement a paragraph.

CREATE TABLE quotes (
    id BYTEA NOT NULL,
    holder BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    document TEXT NOT NULL,
    accepted_sequence BIGINT,
    CONSTRAINT pk_quotes PRIMARY KEY (id),
    CONSTRAINT ck_quotes_id_width CHECK (length(id) = 32),
    CONSTRAINT fk_quotes_holder FOREIGN KEY(holder) REFERENCES users (holder)
);

CREATE INDEX ix_quotes_expires_at ON quotes (expires_at);
