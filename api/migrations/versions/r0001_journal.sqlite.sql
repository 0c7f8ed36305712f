-- Migration 0001 on sqlite: the journal's tables, view and triggers. Frozen: a change is a new migration.
-- One statement a paragraph.

CREATE TABLE burnt_ids (
    id BLOB NOT NULL,
    status INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    dead_at INTEGER,
    PRIMARY KEY (id)
)
 STRICT;

CREATE TABLE journal_head (
    one INTEGER NOT NULL,
    version INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    seal_number INTEGER NOT NULL,
    seal_digest BLOB NOT NULL,
    token BLOB NOT NULL,
    PRIMARY KEY (one),
    CONSTRAINT journal_head_single CHECK (one = 1)
)
 STRICT;

CREATE TABLE seals (
    number INTEGER NOT NULL,
    previous BLOB NOT NULL,
    first_sequence INTEGER NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    counters BLOB NOT NULL,
    timestamp INTEGER NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (number),
    CONSTRAINT seals_first_sequence_once UNIQUE (first_sequence),
    CONSTRAINT seals_previous_length CHECK (length(previous) = 32),
    CONSTRAINT seals_root_length CHECK (length(root) = 32),
    CONSTRAINT seals_counters_length CHECK (length(counters) = 32),
    CONSTRAINT seals_signature_length CHECK (length(signature) = 65)
)
 STRICT;

CREATE TABLE texts (
    hash BLOB NOT NULL,
    salt BLOB NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (hash),
    CONSTRAINT texts_hash_length CHECK (length(hash) = 32),
    CONSTRAINT texts_salt_length CHECK (length(salt) = 16)
)
 STRICT;

CREATE TABLE records (
    sequence INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    seal_number INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (sequence),
    CONSTRAINT records_timestamp_once UNIQUE (timestamp),
    CONSTRAINT records_kind_known CHECK (kind BETWEEN 0 AND 5),
    CONSTRAINT records_seal FOREIGN KEY(seal_number) REFERENCES seals (number)
)
 STRICT;

CREATE INDEX records_by_seal ON records (seal_number);

CREATE TABLE accounts (
    id BLOB NOT NULL,
    holder BLOB,
    currency TEXT NOT NULL,
    exponent INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    ledger INTEGER NOT NULL,
    code INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    user_data_128 BLOB NOT NULL,
    user_data_64 INTEGER NOT NULL,
    user_data_32 INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    version INTEGER NOT NULL,
    debits_pending INTEGER NOT NULL,
    debits_posted INTEGER NOT NULL,
    credits_pending INTEGER NOT NULL,
    credits_posted INTEGER NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT accounts_purpose_once UNIQUE (holder, currency, purpose),
    CONSTRAINT accounts_not_negative CHECK (debits_pending >= 0 AND debits_posted >= 0 AND credits_pending >= 0 AND credits_posted >= 0),
    CONSTRAINT accounts_debits_within_credits CHECK ((flags & 2) = 0 OR debits_pending <= credits_posted - debits_posted),
    CONSTRAINT accounts_credits_within_debits CHECK ((flags & 4) = 0 OR credits_pending <= debits_posted - credits_posted),
    CONSTRAINT accounts_id_length CHECK (length(id) = 16),
    CONSTRAINT accounts_holder_length CHECK (length(holder) = 32),
    CONSTRAINT accounts_record FOREIGN KEY(sequence) REFERENCES records (sequence)
)
 STRICT;

CREATE TABLE holders (
    id BLOB NOT NULL,
    root BLOB NOT NULL,
    salt BLOB NOT NULL,
    recovery INTEGER NOT NULL,
    blind BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    count INTEGER NOT NULL,
    head BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    frozen INTEGER NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT holders_frozen_or_not CHECK (frozen IN (0, 1)),
    CONSTRAINT holders_id_length CHECK (length(id) = 32),
    CONSTRAINT holders_root_length CHECK (length(root) = 20),
    CONSTRAINT holders_salt_length CHECK (length(salt) = 32),
    CONSTRAINT holders_blind_length CHECK (length(blind) = 32),
    CONSTRAINT holders_head_length CHECK (length(head) = 32),
    CONSTRAINT holders_record FOREIGN KEY(sequence) REFERENCES records (sequence)
)
 STRICT;

CREATE INDEX holders_by_root ON holders (root);

CREATE TABLE orders (
    holder BLOB NOT NULL,
    nonce BLOB NOT NULL,
    digest BLOB NOT NULL,
    type INTEGER NOT NULL,
    sequence INTEGER,
    status INTEGER,
    dead_at INTEGER,
    PRIMARY KEY (holder, nonce),
    CONSTRAINT orders_accepted_or_refused CHECK ((sequence IS NULL) = (status IS NOT NULL)),
    CONSTRAINT orders_refusals_die CHECK ((status IS NULL) = (dead_at IS NULL)),
    CONSTRAINT orders_holder_length CHECK (length(holder) = 32),
    CONSTRAINT orders_nonce_length CHECK (length(nonce) = 32),
    CONSTRAINT orders_digest_length CHECK (length(digest) = 32),
    CONSTRAINT orders_record FOREIGN KEY(sequence) REFERENCES records (sequence)
)
 STRICT;

CREATE UNIQUE INDEX orders_by_record ON orders (sequence);

CREATE TABLE holder_heads (
    holder BLOB NOT NULL,
    count INTEGER NOT NULL,
    head BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (holder, count),
    CONSTRAINT holder_heads_head_once UNIQUE (head),
    CONSTRAINT holder_heads_head_length CHECK (length(head) = 32),
    CONSTRAINT holder_heads_holder FOREIGN KEY(holder) REFERENCES holders (id),
    CONSTRAINT holder_heads_record FOREIGN KEY(sequence) REFERENCES records (sequence)
)
 STRICT;

CREATE INDEX holder_heads_by_record ON holder_heads (sequence);

CREATE TABLE keys (
    sequence INTEGER NOT NULL,
    holder BLOB NOT NULL,
    action INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    "key" BLOB NOT NULL,
    subject BLOB NOT NULL,
    value INTEGER NOT NULL,
    effective_at INTEGER NOT NULL,
    PRIMARY KEY (sequence),
    CONSTRAINT keys_key_length CHECK (length(key) = 20),
    CONSTRAINT keys_subject_length CHECK (length(subject) = 32),
    CONSTRAINT keys_record FOREIGN KEY(sequence) REFERENCES records (sequence),
    CONSTRAINT keys_holder FOREIGN KEY(holder) REFERENCES holders (id)
)
 STRICT;

CREATE INDEX keys_by_holder ON keys (holder);

CREATE INDEX keys_by_key ON keys ("key");

CREATE TABLE transfers (
    sequence INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    id BLOB,
    debit_account_id BLOB NOT NULL,
    credit_account_id BLOB NOT NULL,
    amount INTEGER NOT NULL,
    pending_id BLOB,
    user_data_128 BLOB NOT NULL,
    user_data_64 INTEGER NOT NULL,
    user_data_32 INTEGER NOT NULL,
    timeout INTEGER NOT NULL,
    ledger INTEGER NOT NULL,
    code INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    debit_holder BLOB,
    credit_holder BLOB,
    order_holder BLOB,
    order_nonce BLOB,
    leg INTEGER NOT NULL,
    source_kind INTEGER,
    source_id BLOB,
    debit_version INTEGER NOT NULL,
    credit_version INTEGER NOT NULL,
    debit_debits_pending INTEGER NOT NULL,
    debit_debits_posted INTEGER NOT NULL,
    debit_credits_pending INTEGER NOT NULL,
    debit_credits_posted INTEGER NOT NULL,
    credit_debits_pending INTEGER NOT NULL,
    credit_debits_posted INTEGER NOT NULL,
    credit_credits_pending INTEGER NOT NULL,
    credit_credits_posted INTEGER NOT NULL,
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
)
 STRICT;

CREATE INDEX transfers_by_order ON transfers (order_holder, order_nonce);

CREATE TABLE pendings (
    id BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    expires_at INTEGER,
    resolution INTEGER NOT NULL,
    resolved_by INTEGER,
    PRIMARY KEY (id),
    CONSTRAINT pendings_resolution_known CHECK (resolution BETWEEN 1 AND 4),
    CONSTRAINT pendings_resolved_by_a_record CHECK ((resolution = 1) = (resolved_by IS NULL)),
    CONSTRAINT pendings_transfer FOREIGN KEY(sequence) REFERENCES transfers (sequence),
    CONSTRAINT pendings_resolved FOREIGN KEY(resolved_by) REFERENCES transfers (sequence)
)
 STRICT;

CREATE INDEX pendings_due ON pendings (expires_at) WHERE resolution = 1;

CREATE VIEW entries AS SELECT debit_account_id AS account_id, debit_holder AS holder, 'debit' AS side, sequence, kind, id, amount, credit_account_id AS other_account_id, credit_holder AS other_holder, pending_id, user_data_128, ledger, code, flags, timestamp, order_holder, order_nonce, leg, debit_version AS version, debit_debits_pending AS debits_pending, debit_debits_posted AS debits_posted, debit_credits_pending AS credits_pending, debit_credits_posted AS credits_posted FROM transfers UNION ALL SELECT credit_account_id AS account_id, credit_holder AS holder, 'credit' AS side, sequence, kind, id, amount, debit_account_id AS other_account_id, debit_holder AS other_holder, pending_id, user_data_128, ledger, code, flags, timestamp, order_holder, order_nonce, leg, credit_version AS version, credit_debits_pending AS debits_pending, credit_debits_posted AS debits_posted, credit_credits_pending AS credits_pending, credit_credits_posted AS credits_posted FROM transfers;

CREATE TRIGGER records_no_update BEFORE UPDATE ON records WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'records refuses UPDATE'); END;

CREATE TRIGGER records_no_delete BEFORE DELETE ON records WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'records refuses DELETE'); END;

CREATE TRIGGER seals_no_update BEFORE UPDATE ON seals WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'seals refuses UPDATE'); END;

CREATE TRIGGER seals_no_delete BEFORE DELETE ON seals WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'seals refuses DELETE'); END;

CREATE TRIGGER transfers_no_update BEFORE UPDATE ON transfers WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'transfers refuses UPDATE'); END;

CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'transfers refuses DELETE'); END;

CREATE TRIGGER holder_heads_no_update BEFORE UPDATE ON holder_heads WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'holder_heads refuses UPDATE'); END;

CREATE TRIGGER holder_heads_no_delete BEFORE DELETE ON holder_heads WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'holder_heads refuses DELETE'); END;

CREATE TRIGGER keys_no_update BEFORE UPDATE ON keys WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'keys refuses UPDATE'); END;

CREATE TRIGGER keys_no_delete BEFORE DELETE ON keys WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'keys refuses DELETE'); END;

CREATE TRIGGER journal_head_no_update BEFORE UPDATE ON journal_head WHEN NEW.version <= OLD.version OR NEW.sequence < OLD.sequence BEGIN SELECT RAISE(ABORT, 'journal_head refuses UPDATE'); END;

CREATE TRIGGER journal_head_no_delete BEFORE DELETE ON journal_head WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'journal_head refuses DELETE'); END;

CREATE TRIGGER accounts_no_update BEFORE UPDATE ON accounts WHEN NEW.id <> OLD.id OR NEW.ledger <> OLD.ledger OR NEW.currency <> OLD.currency OR NEW.exponent <> OLD.exponent OR NEW.version <= OLD.version OR NEW.debits_posted < OLD.debits_posted OR NEW.credits_posted < OLD.credits_posted OR coalesce(NEW.holder <> OLD.holder, (NEW.holder IS NULL) <> (OLD.holder IS NULL)) BEGIN SELECT RAISE(ABORT, 'accounts refuses UPDATE'); END;

CREATE TRIGGER accounts_no_delete BEFORE DELETE ON accounts WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'accounts refuses DELETE'); END;

CREATE TRIGGER holders_no_update BEFORE UPDATE ON holders WHEN NEW.id <> OLD.id OR NEW.root <> OLD.root OR NEW.salt <> OLD.salt OR NEW.blind <> OLD.blind OR NEW.count <= OLD.count OR NEW.epoch < OLD.epoch BEGIN SELECT RAISE(ABORT, 'holders refuses UPDATE'); END;

CREATE TRIGGER holders_no_delete BEFORE DELETE ON holders WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'holders refuses DELETE'); END;

CREATE TRIGGER orders_no_update BEFORE UPDATE ON orders WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'orders refuses UPDATE'); END;

CREATE TRIGGER orders_no_delete BEFORE DELETE ON orders WHEN OLD.sequence IS NOT NULL BEGIN SELECT RAISE(ABORT, 'orders refuses DELETE'); END;

CREATE TRIGGER pendings_no_update BEFORE UPDATE ON pendings WHEN OLD.resolution <> 1 BEGIN SELECT RAISE(ABORT, 'pendings refuses UPDATE'); END;

CREATE TRIGGER pendings_no_delete BEFORE DELETE ON pendings WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'pendings refuses DELETE'); END;

CREATE TRIGGER burnt_ids_no_update BEFORE UPDATE ON burnt_ids WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'burnt_ids refuses UPDATE'); END;

CREATE TRIGGER burnt_ids_no_delete BEFORE DELETE ON burnt_ids WHEN OLD.dead_at IS NULL BEGIN SELECT RAISE(ABORT, 'burnt_ids refuses DELETE'); END;

CREATE TRIGGER texts_no_update BEFORE UPDATE ON texts WHEN 1 = 1 BEGIN SELECT RAISE(ABORT, 'texts refuses UPDATE'); END;
