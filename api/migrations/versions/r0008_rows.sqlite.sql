-- Migration 0008 on sqlite: an index that every row paid for. Frozen: a change is a new migration.
-- One statement a paragraph.

DROP INDEX transfers_by_order;

CREATE INDEX transfers_by_agreement ON transfers (order_holder, order_nonce) WHERE code IN (6, 8, 9, 10, 11, 12);
