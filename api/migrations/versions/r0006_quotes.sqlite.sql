-- Migration 0006 on sqlite: quotes.
-- Frozen: a change is a new migration. One statement a paragraph.

CREATE TABLE quotes (
    id BLOB NOT NULL,
    holder BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    document TEXT NOT NULL,
    accepted_sequence INTEGER,
    CONSTRAINT pk_quotes PRIMARY KEY (id),
    CONSTRAINT ck_quotes_id_width CHECK (length(id) = 32),
    CONSTRAINT fk_quotes_holder FOREIGN KEY(holder) REFERENCES users (holder)
)
 STRICT;

CREATE INDEX ix_quotes_expires_at ON quotes (expires_at);
