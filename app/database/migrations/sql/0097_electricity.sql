-- A house's electricity: meters, their quarter-hours a day, runs from freeze to bills.

-- parent_id: the meter that this one's energy runs through as well; it is subtracted there.
CREATE TABLE meter (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    billing_point_id uuid,
    kind text NOT NULL CHECK (kind IN ('use', 'production')),
    parent_id uuid,
    serial text NOT NULL CHECK (serial <> ''),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, site_id, serial),
    CHECK ((kind = 'use') = (billing_point_id IS NOT NULL)),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, billing_point_id) REFERENCES billing_point (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, parent_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('meter', 'SELECT, INSERT');

-- wh: the Wh of a local day's 92, 96 or 100 quarter-hours as little-endian 32-bit integers; -1: not received.
CREATE TABLE quarter_day (
    account_id uuid NOT NULL,
    meter_id uuid NOT NULL,
    day date NOT NULL,
    wh bytea NOT NULL CHECK (length(wh) IN (368, 384, 400)),
    received_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, meter_id, day),
    FOREIGN KEY (account_id, meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT
);
ALTER TABLE quarter_day ALTER COLUMN wh SET STORAGE PLAIN;
SELECT protect_tenant_table('quarter_day', 'SELECT, INSERT, UPDATE');

-- What came for a day that was billed already: the billed figures stay, the difference goes on the next bills.
CREATE TABLE late_day (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    meter_id uuid NOT NULL,
    day date NOT NULL,
    wh bytea NOT NULL CHECK (length(wh) IN (368, 384, 400)),
    received_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX late_day_meter ON late_day (account_id, meter_id, day);
SELECT protect_tenant_table('late_day', 'SELECT, INSERT');

CREATE TABLE energy_run (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    period daterange NOT NULL CHECK (NOT isempty(period)),
    state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'issued')),
    frozen_at timestamptz NOT NULL,
    issued_at timestamptz,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    EXCLUDE USING gist (account_id WITH =, site_id WITH =, period WITH &&)
);
SELECT protect_tenant_table('energy_run', 'SELECT, INSERT, UPDATE');

-- One party at one point. bill: the priced lines (JSON), frozen; error: why it could not be issued.
CREATE TABLE energy_item (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    run_id uuid NOT NULL,
    billing_point_id uuid NOT NULL,
    person_id uuid NOT NULL,
    first date NOT NULL,
    last date NOT NULL,
    bill text NOT NULL,
    warnings text NOT NULL,
    gross_minor bigint NOT NULL,
    error text,
    invoice_id uuid,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, run_id, billing_point_id, person_id, first),
    FOREIGN KEY (account_id, run_id) REFERENCES energy_run (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, billing_point_id) REFERENCES billing_point (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('energy_item', 'SELECT, INSERT, UPDATE, DELETE');
CREATE POLICY drafts_only ON energy_item AS RESTRICTIVE FOR DELETE TO hofstrom_app USING (invoice_id IS NULL);

ALTER TABLE invoice ADD COLUMN billing_point_id uuid,
    ADD FOREIGN KEY (account_id, billing_point_id) REFERENCES billing_point (account_id, id) ON DELETE RESTRICT;
DROP INDEX invoice_once;
CREATE UNIQUE INDEX invoice_once ON invoice (account_id, site_id, person_id, kind, period_start, billing_point_id)
    NULLS NOT DISTINCT WHERE corrects_id IS NULL;

-- VAT by rate of bills that are not made of charges.
CREATE TABLE invoice_vat (
    account_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    rate numeric(6, 4) NOT NULL,
    net_minor bigint NOT NULL,
    vat_minor bigint NOT NULL,
    PRIMARY KEY (account_id, invoice_id, rate),
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('invoice_vat', 'SELECT, INSERT');
