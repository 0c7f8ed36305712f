-- Controls and limits: what may sign for a holder besides the root, the limits they set, and what counts against them.

ALTER TABLE holders ADD COLUMN contract BLOB DEFAULT x'' NOT NULL CONSTRAINT holders_contract_length CHECK (length(contract) IN (0, 20));

ALTER TABLE holders ADD COLUMN keyring BLOB DEFAULT x'' NOT NULL;

ALTER TABLE holders ADD COLUMN limits BLOB DEFAULT x'' NOT NULL;

ALTER TABLE holders ADD COLUMN spent BLOB DEFAULT x'' NOT NULL;

DROP INDEX keys_by_holder;

CREATE INDEX keys_by_holder ON keys (holder, action, subject);

DROP TRIGGER holders_no_update;

CREATE TRIGGER holders_no_update BEFORE UPDATE ON holders WHEN NEW.id <> OLD.id OR NEW.salt <> OLD.salt OR NEW.blind <> OLD.blind OR NEW.count <= OLD.count OR NEW.epoch < OLD.epoch OR ((NEW.root <> OLD.root OR NEW.contract <> OLD.contract) AND NOT (length(OLD.contract) = 0 AND NEW.contract = OLD.root)) BEGIN SELECT RAISE(ABORT, 'holders refuses UPDATE'); END;

CREATE INDEX transfers_agreed_by_payer ON transfers (debit_holder, sequence) WHERE leg = 0 AND code IN (8, 11) AND order_nonce IS NOT NULL;

CREATE INDEX transfers_agreed_by_payee ON transfers (credit_holder, sequence) WHERE leg = 0 AND code IN (8, 11) AND order_nonce IS NOT NULL;
