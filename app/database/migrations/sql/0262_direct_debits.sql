-- SEPA direct debits: mandates that people have signed, files for the bank, and what came back.
-- scheme_id: the creditor identifier of the SEPA scheme; without one nothing is collected.
ALTER TABLE creditor ADD COLUMN scheme_id text NOT NULL DEFAULT '';

CREATE TABLE debit_mandate (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    person_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    reference text NOT NULL CHECK (reference ~ '^[A-Z0-9-]{1,35}$'),
    holder text NOT NULL CHECK (holder <> ''),
    iban text NOT NULL,
    signed_on date NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    ended_at timestamptz,
    ended_by text,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, creditor_id, reference),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, creditor_id) REFERENCES creditor (account_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX debit_mandate_in_force ON debit_mandate (account_id, person_id, creditor_id) WHERE ended_at IS NULL;
SELECT protect_tenant_table('debit_mandate', 'SELECT, INSERT, UPDATE');

CREATE TABLE debit_file (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    creditor_id uuid NOT NULL,
    number text NOT NULL,
    debits int NOT NULL CHECK (debits > 0),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    pain008 bytea NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, number),
    FOREIGN KEY (account_id, creditor_id) REFERENCES creditor (account_id, id) ON DELETE RESTRICT
);
CREATE TRIGGER debit_file_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON debit_file FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
SELECT protect_tenant_table('debit_file', 'SELECT, INSERT');

CREATE TABLE debit (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    file_id uuid NOT NULL,
    mandate_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    collect_on date NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, file_id) REFERENCES debit_file (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, mandate_id) REFERENCES debit_mandate (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX debit_invoice ON debit (account_id, invoice_id);
CREATE INDEX debit_of_file ON debit (account_id, file_id);
SELECT protect_tenant_table('debit', 'SELECT, INSERT');

-- A debit that the bank gave back: undone_minor of the bill is open again, where the money had been booked.
CREATE TABLE debit_return (
    account_id uuid NOT NULL,
    debit_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    payment_id uuid,
    undone_minor bigint NOT NULL CHECK (undone_minor >= 0),
    reason text NOT NULL CHECK (reason <> ''),
    returned_on date NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    PRIMARY KEY (account_id, debit_id),
    CHECK (payment_id IS NOT NULL OR undone_minor = 0),
    FOREIGN KEY (account_id, debit_id) REFERENCES debit (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, payment_id) REFERENCES payment (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX debit_return_invoice ON debit_return (account_id, invoice_id);
CREATE UNIQUE INDEX debit_return_payment ON debit_return (account_id, payment_id) WHERE payment_id IS NOT NULL;
SELECT protect_tenant_table('debit_return', 'SELECT, INSERT');

-- What has been settled of a bill: by payments but those that the bank took back, by the resident's credit, by a credit note.
CREATE OR REPLACE VIEW invoice_settled WITH (security_invoker = true) AS
    SELECT i.account_id, i.id AS invoice_id,
           (coalesce((SELECT sum(t.amount_minor) FROM settlement t WHERE t.account_id = i.account_id AND t.invoice_id = i.id), 0)
            - coalesce((SELECT sum(b.undone_minor) FROM debit_return b WHERE b.account_id = i.account_id AND b.invoice_id = i.id), 0)
            + coalesce((SELECT u.amount_minor FROM credit_use u WHERE u.account_id = i.account_id AND u.invoice_id = i.id), 0)
            - coalesce((SELECT c.gross_minor FROM invoice c WHERE c.account_id = i.account_id AND c.corrects_id = i.id), 0))::bigint
               AS settled_minor
    FROM invoice i;
