-- Refunds as a bank takes them: a file of all that waited, one debit; a refund is in one file.
CREATE TABLE refund_file (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    creditor_id uuid NOT NULL,
    number text NOT NULL,
    currency char(3) NOT NULL,
    refunds int NOT NULL CHECK (refunds > 0),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    pain001 bytea NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, number),
    FOREIGN KEY (account_id, creditor_id) REFERENCES creditor (account_id, id) ON DELETE RESTRICT
);
CREATE TRIGGER refund_file_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON refund_file
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
SELECT protect_tenant_table('refund_file', 'SELECT, INSERT');

CREATE TABLE refund_in_file (
    account_id uuid NOT NULL,
    refund_id uuid NOT NULL,
    file_id uuid NOT NULL,
    PRIMARY KEY (account_id, refund_id),
    FOREIGN KEY (account_id, refund_id) REFERENCES refund (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, file_id) REFERENCES refund_file (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX refund_in_file_file ON refund_in_file (account_id, file_id);
SELECT protect_tenant_table('refund_in_file', 'SELECT, INSERT');
