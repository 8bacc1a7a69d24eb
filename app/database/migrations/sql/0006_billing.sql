-- A priced session, once. revision 1 is the first price; a correction is a further revision with the difference.
CREATE TABLE charge (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    session_id uuid NOT NULL,
    revision int NOT NULL CHECK (revision > 0),
    site_id uuid NOT NULL,
    station_id uuid NOT NULL,
    person_id uuid NOT NULL,
    billing_point_id uuid NOT NULL,
    tariff_id uuid NOT NULL,
    class text NOT NULL CHECK (class IN ('internal', 'external')),
    period date NOT NULL CHECK (extract(day FROM period) = 1),
    occurred_at timestamptz NOT NULL,
    energy_wh bigint NOT NULL,
    currency char(3) NOT NULL,
    vat_rate numeric(6, 4) NOT NULL,
    net_minor bigint NOT NULL,
    vat_minor bigint NOT NULL,
    gross_minor bigint NOT NULL,
    lines text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, session_id, revision),
    CHECK (gross_minor = net_minor + vat_minor),
    FOREIGN KEY (account_id, session_id) REFERENCES charging_session (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, billing_point_id) REFERENCES billing_point (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, tariff_id) REFERENCES tariff (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX charge_site_period ON charge (account_id, site_id, period);
CREATE INDEX charge_person ON charge (account_id, person_id, period);
CREATE TRIGGER charge_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON charge
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
SELECT protect_tenant_table('charge', 'SELECT, INSERT');

-- Numbers without gaps: taken under a row lock in the transaction that issues.
CREATE TABLE number_series (
    account_id uuid NOT NULL,
    creditor_id uuid NOT NULL,
    series text NOT NULL,
    year int NOT NULL,
    last_no int NOT NULL DEFAULT 0 CHECK (last_no >= 0),
    PRIMARY KEY (account_id, creditor_id, series, year),
    FOREIGN KEY (account_id, creditor_id) REFERENCES creditor (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('number_series', 'SELECT, INSERT, UPDATE');

-- document: the frozen input of the PDF (JSON); rendering it again gives the same bytes.
CREATE TABLE invoice (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    creditor_id uuid NOT NULL,
    site_id uuid NOT NULL,
    person_id uuid NOT NULL,
    kind text NOT NULL DEFAULT 'charging',
    number text NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL CHECK (period_end >= period_start),
    issued_on date NOT NULL,
    due_on date NOT NULL,
    currency char(3) NOT NULL,
    net_minor bigint NOT NULL,
    vat_minor bigint NOT NULL,
    gross_minor bigint NOT NULL CHECK (gross_minor = net_minor + vat_minor),
    energy_wh bigint NOT NULL,
    reference text NOT NULL,
    document text NOT NULL,
    pdf bytea NOT NULL,
    pdf_sha256 text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, creditor_id, number),
    UNIQUE (account_id, reference),
    UNIQUE (account_id, site_id, person_id, kind, period_start),
    FOREIGN KEY (account_id, creditor_id) REFERENCES creditor (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX invoice_person ON invoice (account_id, person_id, period_start);
CREATE TRIGGER invoice_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
SELECT protect_tenant_table('invoice', 'SELECT, INSERT');

CREATE TABLE invoice_charge (
    account_id uuid NOT NULL,
    charge_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    PRIMARY KEY (account_id, charge_id),
    FOREIGN KEY (account_id, charge_id) REFERENCES charge (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX invoice_charge_invoice ON invoice_charge (account_id, invoice_id);
SELECT protect_tenant_table('invoice_charge', 'SELECT, INSERT');

-- bank_reference: the bank's own identity of the credit; the same credit read twice is booked once.
CREATE TABLE payment (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    id uuid NOT NULL DEFAULT uuidv7(),
    bank_reference text NOT NULL CHECK (bank_reference <> ''),
    received_on date NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency char(3) NOT NULL,
    reference text NOT NULL DEFAULT '',
    payer text NOT NULL DEFAULT '',
    booked_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, bank_reference)
);
SELECT protect_tenant_table('payment', 'SELECT, INSERT');

-- What part of a payment settles what bill; the rest of an overpayment stays the resident's credit in the ledger.
CREATE TABLE settlement (
    account_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    PRIMARY KEY (account_id, payment_id, invoice_id),
    FOREIGN KEY (account_id, payment_id) REFERENCES payment (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX settlement_invoice ON settlement (account_id, invoice_id);
SELECT protect_tenant_table('settlement', 'SELECT, INSERT');

CREATE TABLE payout (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    owner_id uuid NOT NULL,
    terms_id uuid NOT NULL,
    number text NOT NULL,
    period date NOT NULL CHECK (extract(day FROM period) = 1),
    currency char(3) NOT NULL,
    gross_minor bigint NOT NULL,
    net_minor bigint NOT NULL,
    internal_net_minor bigint NOT NULL,
    external_net_minor bigint NOT NULL,
    reimbursed_minor bigint NOT NULL,
    withheld_minor bigint NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    iban text NOT NULL,
    document text NOT NULL,
    statement_pdf bytea NOT NULL,
    pain001 bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, site_id, period),
    UNIQUE (account_id, number),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, owner_id) REFERENCES person (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, terms_id) REFERENCES owner_terms (account_id, id) ON DELETE RESTRICT
);
CREATE TRIGGER payout_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON payout
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
SELECT protect_tenant_table('payout', 'SELECT, INSERT');

-- One row per event, recipient and channel: a mail is written once however often its job runs.
CREATE TABLE delivery (
    account_id uuid REFERENCES account (id) ON DELETE RESTRICT,
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    event_key text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('email')),
    recipient text NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
    tries int NOT NULL DEFAULT 0,
    last_error text,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    UNIQUE (event_key, channel, recipient)
);
SELECT protect_tenant_table('delivery', 'SELECT', 'SELECT, INSERT, UPDATE');
