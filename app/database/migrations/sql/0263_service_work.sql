-- Work at a house by the operator's people: on-site support, which costs nothing under warranty, and the yearly maintenance, which is
-- free or billed by the service package. Prices without VAT. What is agreed holds from a day on until something else is.
CREATE TABLE service_terms (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    valid_from date NOT NULL,
    package text NOT NULL CHECK (package IN ('basic', 'full')),
    warranty_until date,
    call_out_minor bigint NOT NULL CHECK (call_out_minor >= 0),
    hour_minor bigint NOT NULL CHECK (hour_minor >= 0),
    maintenance_minor bigint NOT NULL CHECK (maintenance_minor >= 0),
    vat_rate numeric(5, 4) NOT NULL CHECK (vat_rate >= 0 AND vat_rate < 1),
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, site_id, valid_from),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('service_terms', 'SELECT, INSERT');

-- free_by: why a visit is not billed; else invoice_id is its bill to the customer, who is the house's owner on that day.
CREATE TABLE service_visit (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    request_key uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('support', 'maintenance')),
    day date NOT NULL,
    minutes int NOT NULL CHECK (minutes BETWEEN 0 AND 1440),
    text text NOT NULL CHECK (text <> ''),
    free_by text CHECK (free_by IN ('warranty', 'package', 'price')),
    invoice_id uuid,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, request_key),
    CHECK ((free_by IS NULL) = (invoice_id IS NOT NULL)),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX service_visit_site ON service_visit (account_id, site_id, day);
SELECT protect_tenant_table('service_visit', 'SELECT, INSERT');

-- Of visits a day may have several.
DROP INDEX invoice_once;
CREATE UNIQUE INDEX invoice_once ON invoice (account_id, site_id, person_id, kind, period_start, billing_point_id)
    NULLS NOT DISTINCT WHERE corrects_id IS NULL AND kind NOT IN ('guest', 'service');
