-- Migration 0001 on postgresql: the journal's tables, view and triggers. Frozen: a change is a new migration.
-- One statement a paragraph.

CREATE TABLE burnt_ids (
    id BYTEA NOT NULL,
    status BIGINT NOT NULL,
    timestamp BIGINT NOT NULL,
    dead_at BIGINT,
    PRIMARY KEY (id)
);

CREATE TABLE journal_head (
    one BIGINT NOT NULL,
    version BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    timestamp BIGINT NOT NULL,
    seal_number BIGINT NOT NULL,
    seal_digest BYTEA NOT NULL,
    token BYTEA NOT NULL,
    PRIMARY KEY (one),
    CONSTRAINT journal_head_single CHECK (one = 1)
);

CREATE TABLE seals (
    number BIGINT NOT NULL,
    previous BYTEA NOT NULL,
    first_sequence BIGINT NOT NULL,
    size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    counters BYTEA NOT NULL,
    timestamp BIGINT NOT NULL,
    signature BYTEA NOT NULL,
    PRIMARY KEY (number),
    CONSTRAINT seals_first_sequence_once UNIQUE (first_sequence),
    CONSTRAINT seals_previous_length CHECK (length(previous) = 32),
    CONSTRAINT seals_root_length CHECK (length(root) = 32),
    CONSTRAINT seals_counters_length CHECK (length(counters) = 32),
    CONSTRAINT seals_signature_length CHECK (length(signature) = 65)
);

CREATE TABLE texts (
    hash BYTEA NOT NULL,
    salt BYTEA NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (hash),
    CONSTRAINT texts_hash_length CHECK (length(hash) = 32),
    CONSTRAINT texts_salt_length CHECK (length(salt) = 16)
);

CREATE TABLE records (
    sequence BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    timestamp BIGINT NOT NULL,
    seal_number BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (sequence),
    CONSTRAINT records_timestamp_once UNIQUE (timestamp),
    CONSTRAINT records_kind_known CHECK (kind BETWEEN 0 AND 5),
    CONSTRAINT records_seal FOREIGN KEY(seal_number) REFERENCES seals (number)
);

CREATE INDEX records_by_seal ON records (seal_number);

CREATE TABLE accounts (
    id BYTEA NOT NULL,
    holder BYTEA,
    currency TEXT NOT NULL,
    exponent BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    ledger BIGINT NOT NULL,
    code BIGINT NOT NULL,
    flags BIGINT NOT NULL,
    user_data_128 BYTEA NOT NULL,
    user_data_64 BIGINT NOT NULL,
    user_data_32 BIGINT NOT NULL,
    timestamp BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    version BIGINT NOT NULL,
    debits_pending BIGINT NOT NULL,
    debits_posted BIGINT NOT NULL,
    credits_pending BIGINT NOT NULL,
    credits_posted BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT accounts_purpose_once UNIQUE (holder, currency, purpose),
    CONSTRAINT accounts_not_negative CHECK (debits_pending >= 0 AND debits_posted >= 0 AND credits_pending >= 0 AND credits_posted >= 0),
    CONSTRAINT accounts_debits_within_credits CHECK ((flags & 2) = 0 OR debits_pending <= credits_posted - debits_posted),
    CONSTRAINT accounts_credits_within_debits CHECK ((flags & 4) = 0 OR credits_pending <= debits_posted - credits_posted),
    CONSTRAINT accounts_id_length CHECK (length(id) = 16),
    CONSTRAINT accounts_holder_length CHECK (length(holder) = 32),
    CONSTRAINT accounts_record FOREIGN KEY(sequence) REFERENCES records (sequence)
);

CREATE TABLE holders (
    id BYTEA NOT NULL,
    root BYTEA NOT NULL,
    salt BYTEA NOT NULL,
    recovery BIGINT NOT NULL,
    blind BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    count BIGINT NOT NULL,
    head BYTEA NOT NULL,
    epoch BIGINT NOT NULL,
    frozen BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT holders_frozen_or_not CHECK (frozen IN (0, 1)),
    CONSTRAINT holders_id_length CHECK (length(id) = 32),
    CONSTRAINT holders_root_length CHECK (length(root) = 20),
    CONSTRAINT holders_salt_length CHECK (length(salt) = 32),
    CONSTRAINT holders_blind_length CHECK (length(blind) = 32),
    CONSTRAINT holders_head_length CHECK (length(head) = 32),
    CONSTRAINT holders_record FOREIGN KEY(sequence) REFERENCES records (sequence)
);

CREATE INDEX holders_by_root ON holders (root);

CREATE TABLE orders (
    holder BYTEA NOT NULL,
    nonce BYTEA NOT NULL,
    digest BYTEA NOT NULL,
    type BIGINT NOT NULL,
    sequence BIGINT,
    status BIGINT,
    dead_at BIGINT,
    PRIMARY KEY (holder, nonce),
    CONSTRAINT orders_accepted_or_refused CHECK ((sequence IS NULL) = (status IS NOT NULL)),
    CONSTRAINT orders_refusals_die CHECK ((status IS NULL) = (dead_at IS NULL)),
    CONSTRAINT orders_holder_length CHECK (length(holder) = 32),
    CONSTRAINT orders_nonce_length CHECK (length(nonce) = 32),
    CONSTRAINT orders_digest_length CHECK (length(digest) = 32),
    CONSTRAINT orders_record FOREIGN KEY(sequence) REFERENCES records (sequence)
);

CREATE UNIQUE INDEX orders_by_record ON orders (sequence);

CREATE TABLE holder_heads (
    holder BYTEA NOT NULL,
    count BIGINT NOT NULL,
    head BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (holder, count),
    CONSTRAINT holder_heads_head_once UNIQUE (head),
    CONSTRAINT holder_heads_head_length CHECK (length(head) = 32),
    CONSTRAINT holder_heads_holder FOREIGN KEY(holder) REFERENCES holders (id),
    CONSTRAINT holder_heads_record FOREIGN KEY(sequence) REFERENCES records (sequence)
);

CREATE INDEX holder_heads_by_record ON holder_heads (sequence);

CREATE TABLE keys (
    sequence BIGINT NOT NULL,
    holder BYTEA NOT NULL,
    action BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    key BYTEA NOT NULL,
    subject BYTEA NOT NULL,
    value BIGINT NOT NULL,
    effective_at BIGINT NOT NULL,
    PRIMARY KEY (sequence),
    CONSTRAINT keys_key_length CHECK (length(key) = 20),
    CONSTRAINT keys_subject_length CHECK (length(subject) = 32),
    CONSTRAINT keys_record FOREIGN KEY(sequence) REFERENCES records (sequence),
    CONSTRAINT keys_holder FOREIGN KEY(holder) REFERENCES holders (id)
);

CREATE INDEX keys_by_holder ON keys (holder);

CREATE INDEX keys_by_key ON keys (key);

CREATE TABLE transfers (
    sequence BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    id BYTEA,
    debit_account_id BYTEA NOT NULL,
    credit_account_id BYTEA NOT NULL,
    amount BIGINT NOT NULL,
    pending_id BYTEA,
    user_data_128 BYTEA NOT NULL,
    user_data_64 BIGINT NOT NULL,
    user_data_32 BIGINT NOT NULL,
    timeout BIGINT NOT NULL,
    ledger BIGINT NOT NULL,
    code BIGINT NOT NULL,
    flags BIGINT NOT NULL,
    timestamp BIGINT NOT NULL,
    debit_holder BYTEA,
    credit_holder BYTEA,
    order_holder BYTEA,
    order_nonce BYTEA,
    leg BIGINT NOT NULL,
    source_kind BIGINT,
    source_id BYTEA,
    debit_version BIGINT NOT NULL,
    credit_version BIGINT NOT NULL,
    debit_debits_pending BIGINT NOT NULL,
    debit_debits_posted BIGINT NOT NULL,
    debit_credits_pending BIGINT NOT NULL,
    debit_credits_posted BIGINT NOT NULL,
    credit_debits_pending BIGINT NOT NULL,
    credit_debits_posted BIGINT NOT NULL,
    credit_credits_pending BIGINT NOT NULL,
    credit_credits_posted BIGINT NOT NULL,
    PRIMARY KEY (sequence),
    CONSTRAINT transfers_id_once UNIQUE (id),
    CONSTRAINT transfers_source_once UNIQUE (source_kind, source_id),
    CONSTRAINT transfers_debit_version_once UNIQUE (debit_account_id, debit_version),
    CONSTRAINT transfers_credit_version_once UNIQUE (credit_account_id, credit_version),
    CONSTRAINT transfers_accounts_differ CHECK (debit_account_id <> credit_account_id),
    CONSTRAINT transfers_amount_not_negative CHECK (amount >= 0),
    CONSTRAINT transfers_kind_known CHECK (kind BETWEEN 3 AND 5 AND (kind = 4) = (id IS NULL)),
    CONSTRAINT transfers_expiry_names_pending CHECK (kind <> 4 OR pending_id IS NOT NULL),
    CONSTRAINT transfers_debit_authorised CHECK (debit_holder IS NULL OR kind = 5 OR pending_id IS NOT NULL OR (order_holder IS NOT NULL AND order_nonce IS NOT NULL AND order_holder = debit_holder)),
    CONSTRAINT transfers_source_whole CHECK ((source_kind IS NULL) = (source_id IS NULL)),
    CONSTRAINT transfers_balances_not_negative CHECK (debit_debits_pending >= 0 AND debit_debits_posted >= 0 AND debit_credits_pending >= 0 AND debit_credits_posted >= 0 AND credit_debits_pending >= 0 AND credit_debits_posted >= 0 AND credit_credits_pending >= 0 AND credit_credits_posted >= 0),
    CONSTRAINT transfers_debit_account_id_length CHECK (length(debit_account_id) = 16),
    CONSTRAINT transfers_credit_account_id_length CHECK (length(credit_account_id) = 16),
    CONSTRAINT transfers_record FOREIGN KEY(sequence) REFERENCES records (sequence),
    CONSTRAINT transfers_debit FOREIGN KEY(debit_account_id) REFERENCES accounts (id),
    CONSTRAINT transfers_credit FOREIGN KEY(credit_account_id) REFERENCES accounts (id)
);

CREATE INDEX transfers_by_order ON transfers (order_holder, order_nonce);

CREATE TABLE pendings (
    id BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    expires_at BIGINT,
    resolution BIGINT NOT NULL,
    resolved_by BIGINT,
    PRIMARY KEY (id),
    CONSTRAINT pendings_resolution_known CHECK (resolution BETWEEN 1 AND 4),
    CONSTRAINT pendings_resolved_by_a_record CHECK ((resolution = 1) = (resolved_by IS NULL)),
    CONSTRAINT pendings_transfer FOREIGN KEY(sequence) REFERENCES transfers (sequence),
    CONSTRAINT pendings_resolved FOREIGN KEY(resolved_by) REFERENCES transfers (sequence)
);

CREATE INDEX pendings_due ON pendings (expires_at) WHERE resolution = 1;

CREATE VIEW entries AS SELECT debit_account_id AS account_id, debit_holder AS holder, 'debit' AS side, sequence, kind, id, amount, credit_account_id AS other_account_id, credit_holder AS other_holder, pending_id, user_data_128, ledger, code, flags, timestamp, order_holder, order_nonce, leg, debit_version AS version, debit_debits_pending AS debits_pending, debit_debits_posted AS debits_posted, debit_credits_pending AS credits_pending, debit_credits_posted AS credits_posted FROM transfers UNION ALL SELECT credit_account_id AS account_id, credit_holder AS holder, 'credit' AS side, sequence, kind, id, amount, debit_account_id AS other_account_id, debit_holder AS other_holder, pending_id, user_data_128, ledger, code, flags, timestamp, order_holder, order_nonce, leg, credit_version AS version, credit_debits_pending AS debits_pending, credit_debits_posted AS debits_posted, credit_credits_pending AS credits_pending, credit_credits_posted AS credits_posted FROM transfers;

CREATE FUNCTION tandem_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP; END $$;

CREATE TRIGGER records_no_update BEFORE UPDATE ON records FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER records_no_delete BEFORE DELETE ON records FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER records_no_truncate BEFORE TRUNCATE ON records EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER seals_no_update BEFORE UPDATE ON seals FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER seals_no_delete BEFORE DELETE ON seals FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER seals_no_truncate BEFORE TRUNCATE ON seals EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER transfers_no_update BEFORE UPDATE ON transfers FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER transfers_no_truncate BEFORE TRUNCATE ON transfers EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER holder_heads_no_update BEFORE UPDATE ON holder_heads FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER holder_heads_no_delete BEFORE DELETE ON holder_heads FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER holder_heads_no_truncate BEFORE TRUNCATE ON holder_heads EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER keys_no_update BEFORE UPDATE ON keys FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER keys_no_delete BEFORE DELETE ON keys FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER keys_no_truncate BEFORE TRUNCATE ON keys EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER journal_head_no_update BEFORE UPDATE ON journal_head FOR EACH ROW WHEN (NEW.version <= OLD.version OR NEW.sequence < OLD.sequence) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER journal_head_no_delete BEFORE DELETE ON journal_head FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER journal_head_no_truncate BEFORE TRUNCATE ON journal_head EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER accounts_no_update BEFORE UPDATE ON accounts FOR EACH ROW WHEN (NEW.id <> OLD.id OR NEW.ledger <> OLD.ledger OR NEW.currency <> OLD.currency OR NEW.exponent <> OLD.exponent OR NEW.version <= OLD.version OR NEW.debits_posted < OLD.debits_posted OR NEW.credits_posted < OLD.credits_posted OR coalesce(NEW.holder <> OLD.holder, (NEW.holder IS NULL) <> (OLD.holder IS NULL))) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER accounts_no_delete BEFORE DELETE ON accounts FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER accounts_no_truncate BEFORE TRUNCATE ON accounts EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER holders_no_update BEFORE UPDATE ON holders FOR EACH ROW WHEN (NEW.id <> OLD.id OR NEW.root <> OLD.root OR NEW.salt <> OLD.salt OR NEW.blind <> OLD.blind OR NEW.count <= OLD.count OR NEW.epoch < OLD.epoch) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER holders_no_delete BEFORE DELETE ON holders FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER holders_no_truncate BEFORE TRUNCATE ON holders EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER orders_no_update BEFORE UPDATE ON orders FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER orders_no_delete BEFORE DELETE ON orders FOR EACH ROW WHEN (OLD.sequence IS NOT NULL) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER orders_no_truncate BEFORE TRUNCATE ON orders EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER pendings_no_update BEFORE UPDATE ON pendings FOR EACH ROW WHEN (OLD.resolution <> 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER pendings_no_delete BEFORE DELETE ON pendings FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER pendings_no_truncate BEFORE TRUNCATE ON pendings EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER burnt_ids_no_update BEFORE UPDATE ON burnt_ids FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER burnt_ids_no_delete BEFORE DELETE ON burnt_ids FOR EACH ROW WHEN (OLD.dead_at IS NULL) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER burnt_ids_no_truncate BEFORE TRUNCATE ON burnt_ids EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER texts_no_update BEFORE UPDATE ON texts FOR EACH ROW WHEN (1 = 1) EXECUTE FUNCTION tandem_refuse();

CREATE TRIGGER texts_no_truncate BEFORE TRUNCATE ON texts EXECUTE FUNCTION tandem_refuse();
