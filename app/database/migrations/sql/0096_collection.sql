-- What follows a bill: credit notes, a resident's credit used for the next bill, reminders, disputes, refunds.

-- A credit note is a bill of kind 'credit_note' with the opposite amounts; it names the bill that it takes back.
ALTER TABLE invoice ADD COLUMN corrects_id uuid,
    ADD COLUMN reason text NOT NULL DEFAULT '',
    ADD CHECK ((kind = 'credit_note') = (corrects_id IS NOT NULL)),
    ADD FOREIGN KEY (account_id, corrects_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT;
CREATE UNIQUE INDEX invoice_corrected_once ON invoice (account_id, corrects_id) WHERE corrects_id IS NOT NULL;
-- A month may have several credit notes of one resident; of bills it has one.
ALTER TABLE invoice DROP CONSTRAINT invoice_account_id_site_id_person_id_kind_period_start_key;
CREATE UNIQUE INDEX invoice_once ON invoice (account_id, site_id, person_id, kind, period_start) WHERE corrects_id IS NULL;

CREATE TABLE credit_use (
    account_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, invoice_id),
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('credit_use', 'SELECT, INSERT');

CREATE TABLE reminder (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    invoice_id uuid NOT NULL,
    level int NOT NULL CHECK (level BETWEEN 1 AND 3),
    open_minor bigint NOT NULL CHECK (open_minor > 0),
    sent_on date NOT NULL,
    owner_told boolean NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, invoice_id, level),
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT
);
CREATE TRIGGER reminder_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON reminder
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
SELECT protect_tenant_table('reminder', 'SELECT, INSERT');

CREATE TABLE dispute (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    invoice_id uuid NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    opened_at timestamptz NOT NULL,
    opened_by text NOT NULL,
    closed_at timestamptz,
    closed_by text,
    answer text,
    PRIMARY KEY (account_id, id),
    CHECK ((closed_at IS NULL) = (answer IS NULL) AND (closed_at IS NULL) = (closed_by IS NULL)),
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX dispute_open ON dispute (account_id, invoice_id) WHERE closed_at IS NULL;
SELECT protect_tenant_table('dispute', 'SELECT, INSERT, UPDATE');

-- Money given back to a resident; request_key makes the same wish twice one refund.
CREATE TABLE refund (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    person_id uuid NOT NULL,
    request_key text NOT NULL CHECK (request_key <> ''),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency char(3) NOT NULL,
    iban text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, request_key),
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('refund', 'SELECT, INSERT');

-- What has been settled of a bill: by payments, by the resident's credit, by a credit note.
CREATE VIEW invoice_settled WITH (security_invoker = true) AS
    SELECT i.account_id, i.id AS invoice_id,
           (coalesce((SELECT sum(t.amount_minor) FROM settlement t WHERE t.account_id = i.account_id AND t.invoice_id = i.id), 0)
            + coalesce((SELECT u.amount_minor FROM credit_use u WHERE u.account_id = i.account_id AND u.invoice_id = i.id), 0)
            - coalesce((SELECT c.gross_minor FROM invoice c WHERE c.account_id = i.account_id AND c.corrects_id = i.id), 0))::bigint
               AS settled_minor
    FROM invoice i;
GRANT SELECT ON invoice_settled TO hofstrom_app;

CREATE OR REPLACE VIEW accept_invoices WITH (security_invoker = true) AS
    SELECT i.number, i.account_id AS tenant, i.person_id AS account, i.period_start, i.period_end, i.currency,
           i.net_minor, i.vat_minor, i.gross_minor,
           CASE WHEN s.settled_minor >= i.gross_minor THEN 'paid' WHEN s.settled_minor > 0 THEN 'partly_paid' ELSE 'issued' END
               AS status,
           i.pdf_sha256
    FROM invoice i JOIN invoice_settled s ON s.account_id = i.account_id AND s.invoice_id = i.id;

-- Bills come in five languages.
ALTER TABLE person DROP CONSTRAINT person_locale_check, ADD CONSTRAINT person_locale_check CHECK (locale IN ('de', 'fr', 'it', 'en', 'nl'));
