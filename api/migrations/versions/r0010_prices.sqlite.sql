-- Migration 0010 on sqlite: prices.
-- Frozen: a change is a new migration. One statement a paragraph.

CREATE TABLE price_rounds (
    chain_id INTEGER NOT NULL,
    pair TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    round BLOB NOT NULL,
    answer BLOB NOT NULL,
    decimals INTEGER NOT NULL,
    CONSTRAINT pk_price_rounds PRIMARY KEY (chain_id, pair, updated_at, round),
    CONSTRAINT ck_price_rounds_round_width CHECK (length(round) = 10),
    CONSTRAINT ck_price_rounds_answer_width CHECK (length(answer) = 24),
    CONSTRAINT ck_price_rounds_decimals_bounds CHECK (decimals >= 0 AND decimals <= 18)
)
 STRICT;

CREATE TABLE reference_rates (
    day TEXT NOT NULL,
    currency TEXT NOT NULL,
    rate TEXT NOT NULL,
    imported_at INTEGER NOT NULL,
    CONSTRAINT pk_reference_rates PRIMARY KEY (day, currency)
)
 STRICT;
