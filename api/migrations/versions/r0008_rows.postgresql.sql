-- Migration 0008 on postgresql: constraints that every row paid for. Frozen: a change is a new migration.
-- One statement a paragraph.

ALTER TABLE records DROP CONSTRAINT records_seal;

ALTER TABLE orders DROP CONSTRAINT orders_record;

ALTER TABLE transfers DROP CONSTRAINT transfers_record;

ALTER TABLE transfers DROP CONSTRAINT transfers_debit;

ALTER TABLE transfers DROP CONSTRAINT transfers_credit;

ALTER TABLE holder_heads DROP CONSTRAINT holder_heads_holder;

ALTER TABLE holder_heads DROP CONSTRAINT holder_heads_record;

DROP INDEX transfers_by_order;

CREATE INDEX transfers_by_agreement ON transfers (order_holder, order_nonce) WHERE code IN (6, 8, 9, 10, 11, 12);
