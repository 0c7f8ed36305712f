-- Migration 0005 on postgresql: operator records, officers, counters, reserves, gateways' evidence.
-- Frozen: a change is a new migration. One statement a paragraph.

CREATE TABLE operator_records (
    sequence BIGINT NOT NULL,
    leg BIGINT NOT NULL,
    id BYTEA NOT NULL,
    nonce BYTEA NOT NULL,
    reason BIGINT NOT NULL,
    undoes BIGINT NOT NULL,
    document BYTEA NOT NULL,
    debit_holder BYTEA,
    credit_holder BYTEA,
    PRIMARY KEY (sequence),
    CONSTRAINT operator_records_nonce_once UNIQUE (nonce, leg),
    CONSTRAINT operator_records_id_once UNIQUE (id),
    CONSTRAINT operator_records_reason_known CHECK (reason BETWEEN 1 AND 6),
    CONSTRAINT operator_records_id_length CHECK (length(id) = 16),
    CONSTRAINT operator_records_nonce_length CHECK (length(nonce) = 32),
    CONSTRAINT operator_records_document_length CHECK (length(document) = 32),
    CONSTRAINT operator_records_transfer FOREIGN KEY(sequence) REFERENCES transfers (sequence)
);

CREATE INDEX operator_records_by_credit_holder ON operator_records (credit_holder, sequence);

CREATE INDEX operator_records_by_debit_holder ON operator_records (debit_holder, sequence);

CREATE INDEX operator_records_by_document ON operator_records (document);

CREATE INDEX operator_records_by_undoes ON operator_records (undoes);

CREATE TABLE officer_changes (
    sequence BIGINT NOT NULL,
    action BIGINT NOT NULL,
    officer BYTEA NOT NULL,
    nonce BYTEA,
    subject BYTEA NOT NULL,
    effective_at BIGINT NOT NULL,
    PRIMARY KEY (sequence),
    CONSTRAINT officer_changes_officer_length CHECK (length(officer) = 20),
    CONSTRAINT officer_changes_nonce_length CHECK (length(nonce) = 32),
    CONSTRAINT officer_changes_subject_length CHECK (length(subject) = 32),
    CONSTRAINT officer_changes_record FOREIGN KEY(sequence) REFERENCES records (sequence)
);

CREATE TABLE operator_counters (
    reason BIGINT NOT NULL,
    ledger BIGINT NOT NULL,
    count BIGINT NOT NULL,
    amount BYTEA NOT NULL,
    PRIMARY KEY (reason, ledger),
    CONSTRAINT operator_counters_count_positive CHECK (count > 0),
    CONSTRAINT operator_counters_amount_length CHECK (length(amount) = 16)
);

CREATE TABLE reserves (
    ledger BIGINT NOT NULL,
    people_minor BIGINT NOT NULL,
    reserves_minor BIGINT NOT NULL,
    PRIMARY KEY (ledger),
    CONSTRAINT reserves_people_not_negative CHECK (people_minor >= 0),
    CONSTRAINT reserves_people_within_reserves CHECK (people_minor <= reserves_minor)
);

CREATE TABLE gateway_events (
    id BYTEA NOT NULL,
    gateway TEXT NOT NULL,
    event TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    sequence BIGINT,
    CONSTRAINT pk_gateway_events PRIMARY KEY (id),
    CONSTRAINT ck_gateway_events_id_width CHECK (length(id) = 32)
);

CREATE INDEX ix_gateway_events_open ON gateway_events (gateway, sequence);

CREATE TRIGGER operator_records_no_update BEFORE UPDATE ON operator_records FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER operator_records_no_delete BEFORE DELETE ON operator_records FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER operator_records_no_truncate BEFORE TRUNCATE ON operator_records EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER officer_changes_no_update BEFORE UPDATE ON officer_changes FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER officer_changes_no_delete BEFORE DELETE ON officer_changes FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER officer_changes_no_truncate BEFORE TRUNCATE ON officer_changes EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER operator_counters_no_update BEFORE UPDATE ON operator_counters FOR EACH ROW WHEN (NEW.reason <> OLD.reason OR NEW.ledger <> OLD.ledger OR NEW.count <= OLD.count OR NEW.amount < OLD.amount) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER operator_counters_no_delete BEFORE DELETE ON operator_counters FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER operator_counters_no_truncate BEFORE TRUNCATE ON operator_counters EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER reserves_no_update BEFORE UPDATE ON reserves FOR EACH ROW WHEN (NEW.ledger <> OLD.ledger) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER reserves_no_delete BEFORE DELETE ON reserves FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER reserves_no_truncate BEFORE TRUNCATE ON reserves EXECUTE FUNCTION tandem_refuse();

ALTER TABLE topups ADD COLUMN waiting TEXT;

INSERT INTO reserves (ledger, people_minor, reserves_minor)
SELECT ledger, coalesce(sum(CASE WHEN code IN (1) THEN credits_posted - debits_posted ELSE 0 END), 0)::bigint,
    coalesce(sum(CASE WHEN code IN (2, 4) THEN debits_posted - credits_posted ELSE 0 END), 0)::bigint
FROM accounts WHERE code IN (1, 2, 4) GROUP BY ledger HAVING sum(debits_posted + credits_posted) > 0;
