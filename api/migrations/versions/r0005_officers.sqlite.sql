-- Migration 0005 on sqlite: operator records, officers, counters, reserves, gateways' evidence.
-- Frozen: a change is a new migration. One statement a paragraph.

CREATE TABLE operator_records (
    sequence INTEGER NOT NULL,
    leg INTEGER NOT NULL,
    id BLOB NOT NULL,
    nonce BLOB NOT NULL,
    reason INTEGER NOT NULL,
    undoes INTEGER NOT NULL,
    document BLOB NOT NULL,
    debit_holder BLOB,
    credit_holder BLOB,
    PRIMARY KEY (sequence),
    CONSTRAINT operator_records_nonce_once UNIQUE (nonce, leg),
    CONSTRAINT operator_records_id_once UNIQUE (id),
    CONSTRAINT operator_records_reason_known CHECK (reason BETWEEN 1 AND 6),
    CONSTRAINT operator_records_id_length CHECK (length(id) = 16),
    CONSTRAINT operator_records_nonce_length CHECK (length(nonce) = 32),
    CONSTRAINT operator_records_document_length CHECK (length(document) = 32),
    CONSTRAINT operator_records_transfer FOREIGN KEY(sequence) REFERENCES transfers (sequence)
)
 STRICT;

CREATE INDEX operator_records_by_credit_holder ON operator_records (credit_holder, sequence);

CREATE INDEX operator_records_by_debit_holder ON operator_records (debit_holder, sequence);

CREATE INDEX operator_records_by_document ON operator_records (document);

CREATE INDEX operator_records_by_undoes ON operator_records (undoes);

CREATE TABLE officer_changes (
    sequence INTEGER NOT NULL,
    action INTEGER NOT NULL,
    officer BLOB NOT NULL,
    nonce BLOB,
    subject BLOB NOT NULL,
    effective_at INTEGER NOT NULL,
    PRIMARY KEY (sequence),
    CONSTRAINT officer_changes_officer_length CHECK (length(officer) = 20),
    CONSTRAINT officer_changes_nonce_length CHECK (length(nonce) = 32),
    CONSTRAINT officer_changes_subject_length CHECK (length(subject) = 32),
    CONSTRAINT officer_changes_record FOREIGN KEY(sequence) REFERENCES records (sequence)
)
 STRICT;

CREATE TABLE operator_counters (
    reason INTEGER NOT NULL,
    ledger INTEGER NOT NULL,
    count INTEGER NOT NULL,
    amount BLOB NOT NULL,
    PRIMARY KEY (reason, ledger),
    CONSTRAINT operator_counters_count_positive CHECK (count > 0),
    CONSTRAINT operator_counters_amount_length CHECK (length(amount) = 16)
)
 STRICT;

CREATE TABLE reserves (
    ledger INTEGER NOT NULL,
    people_minor INTEGER NOT NULL,
    reserves_minor INTEGER NOT NULL,
    PRIMARY KEY (ledger),
    CONSTRAINT reserves_people_not_negative CHECK (people_minor >= 0),
    CONSTRAINT reserves_people_within_reserves CHECK (people_minor <= reserves_minor)
)
 STRICT;

CREATE TABLE gateway_events (
    id BLOB NOT NULL,
    gateway TEXT NOT NULL,
    event TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    sequence INTEGER,
    CONSTRAINT pk_gateway_events PRIMARY KEY (id),
    CONSTRAINT ck_gateway_events_id_width CHECK (length(id) = 32)
)
 STRICT;

CREATE INDEX ix_gateway_events_open ON gateway_events (gateway, sequence);

CREATE TRIGGER operator_records_no_update BEFORE UPDATE ON operator_records WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'operator_records refuses UPDATE'); END;

CREATE TRIGGER operator_records_no_delete BEFORE DELETE ON operator_records WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'operator_records refuses DELETE'); END;

CREATE TRIGGER officer_changes_no_update BEFORE UPDATE ON officer_changes WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'officer_changes refuses UPDATE'); END;

CREATE TRIGGER officer_changes_no_delete BEFORE DELETE ON officer_changes WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'officer_changes refuses DELETE'); END;

CREATE TRIGGER operator_counters_no_update BEFORE UPDATE ON operator_counters WHEN NEW.reason <> OLD.reason OR NEW.ledger <> OLD.ledger OR NEW.count <= OLD.count OR NEW.amount < OLD.amount BEGIN SELECT RAISE(ABORT, 'operator_counters refuses UPDATE'); END;

CREATE TRIGGER operator_counters_no_delete BEFORE DELETE ON operator_counters WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'operator_counters refuses DELETE'); END;

CREATE TRIGGER reserves_no_update BEFORE UPDATE ON reserves WHEN NEW.ledger <> OLD.ledger BEGIN SELECT RAISE(ABORT, 'reserves refuses UPDATE'); END;

CREATE TRIGGER reserves_no_delete BEFORE DELETE ON reserves WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'reserves refuses DELETE'); END;

ALTER TABLE topups ADD COLUMN waiting TEXT;

INSERT INTO reserves (ledger, people_minor, reserves_minor)
SELECT ledger, coalesce(sum(CASE WHEN code IN (1) THEN credits_posted - debits_posted ELSE 0 END), 0),
    coalesce(sum(CASE WHEN code IN (2, 4) THEN debits_posted - credits_posted ELSE 0 END), 0)
FROM accounts WHERE code IN (1, 2, 4) GROUP BY ledger HAVING sum(debits_posted + credits_posted) > 0;
