CREATE TABLE ledger_entry (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    id uuid NOT NULL DEFAULT uuidv7(),
    source_key text NOT NULL CHECK (source_key <> ''),
    source_kind text NOT NULL CHECK (source_kind <> ''),
    source_id uuid,
    text text NOT NULL,
    occurred_at timestamptz NOT NULL,
    booked_at timestamptz NOT NULL,
    reverses uuid,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, source_key),
    FOREIGN KEY (account_id, reverses) REFERENCES ledger_entry (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX ledger_entry_source ON ledger_entry (account_id, source_kind, source_id);

-- amount_minor: debit positive, credit negative.
CREATE TABLE ledger_posting (
    account_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    line int NOT NULL CHECK (line > 0),
    ledger_account text NOT NULL CHECK (ledger_account <> ''),
    amount_minor bigint NOT NULL,
    currency char(3) NOT NULL,
    PRIMARY KEY (account_id, entry_id, line),
    FOREIGN KEY (account_id, entry_id) REFERENCES ledger_entry (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX ledger_posting_account ON ledger_posting (account_id, ledger_account);

CREATE FUNCTION check_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entry uuid := (to_jsonb(NEW) ->> TG_ARGV[0])::uuid;
    lines int;
    unbalanced int;
BEGIN
    SELECT count(*) INTO lines FROM ledger_posting WHERE account_id = NEW.account_id AND entry_id = entry;
    SELECT count(*) INTO unbalanced FROM (
        SELECT 1 FROM ledger_posting WHERE account_id = NEW.account_id AND entry_id = entry
        GROUP BY currency HAVING sum(amount_minor) <> 0) AS u;
    IF lines < 2 OR unbalanced > 0 THEN
        RAISE EXCEPTION 'ledger entry % does not sum to zero', entry USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER entry_balances AFTER INSERT ON ledger_entry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_entry_balances('id');
CREATE CONSTRAINT TRIGGER posting_balances AFTER INSERT ON ledger_posting DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_entry_balances('entry_id');
CREATE TRIGGER entry_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER posting_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_posting
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
SELECT protect_tenant_table('ledger_entry', 'SELECT, INSERT');
SELECT protect_tenant_table('ledger_posting', 'SELECT, INSERT');
