-- Migration 0007 on sqlite: indexes. Frozen: a change is a new migration.
-- One statement a paragraph.

DROP INDEX records_by_seal;

DROP INDEX holder_heads_by_record;

CREATE INDEX transfers_debit_value_date ON transfers (debit_account_id, user_data_64) WHERE source_kind = 4;

CREATE INDEX transfers_credit_value_date ON transfers (credit_account_id, user_data_64) WHERE source_kind = 4;
