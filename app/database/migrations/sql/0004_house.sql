-- The legal entity that issues bills and pays owners.
CREATE TABLE creditor (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    id uuid NOT NULL DEFAULT uuidv7(),
    name text NOT NULL,
    street text NOT NULL,
    postcode text NOT NULL,
    city text NOT NULL,
    country char(2) NOT NULL,
    iban text NOT NULL,
    vat_number text,
    payment_days int NOT NULL DEFAULT 30 CHECK (payment_days BETWEEN 1 AND 120),
    PRIMARY KEY (account_id, id)
);
SELECT protect_tenant_table('creditor', 'SELECT, INSERT, UPDATE');

CREATE TABLE site (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    id uuid NOT NULL DEFAULT uuidv7(),
    creditor_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    street text NOT NULL,
    postcode text NOT NULL,
    city text NOT NULL,
    country char(2) NOT NULL,
    currency char(3) NOT NULL,
    time_zone text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, name),
    FOREIGN KEY (account_id, creditor_id) REFERENCES creditor (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('site', 'SELECT, INSERT, UPDATE', 'SELECT');

CREATE TABLE building (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, site_id, name),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('building', 'SELECT, INSERT, UPDATE');

CREATE TABLE billing_point (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    building_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, building_id, name),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, building_id) REFERENCES building (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX billing_point_site ON billing_point (account_id, site_id);
SELECT protect_tenant_table('billing_point', 'SELECT, INSERT, UPDATE', 'SELECT');

CREATE TABLE person (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    id uuid NOT NULL DEFAULT uuidv7(),
    kind text NOT NULL CHECK (kind IN ('natural', 'legal')),
    given_name text NOT NULL DEFAULT '',
    family_name text NOT NULL CHECK (family_name <> ''),
    email text,
    locale text NOT NULL DEFAULT 'de' CHECK (locale IN ('de', 'fr', 'it', 'en')),
    street text NOT NULL,
    postcode text NOT NULL,
    city text NOT NULL,
    country char(2) NOT NULL,
    iban text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
SELECT protect_tenant_table('person', 'SELECT, INSERT, UPDATE');
ALTER TABLE role_grant ADD FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT;
ALTER TABLE role_grant ADD FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT;

-- The owner of a site and the terms of reimbursement, dated: exactly one at a time.
CREATE TABLE owner_terms (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    owner_id uuid NOT NULL,
    internal_permille int NOT NULL DEFAULT 1000 CHECK (internal_permille BETWEEN 0 AND 1000),
    external_permille int NOT NULL DEFAULT 900 CHECK (external_permille BETWEEN 0 AND 1000),
    period daterange NOT NULL CHECK (NOT isempty(period)),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, owner_id) REFERENCES person (account_id, id) ON DELETE RESTRICT,
    EXCLUDE USING gist (account_id WITH =, site_id WITH =, period WITH &&)
);
SELECT protect_tenant_table('owner_terms', 'SELECT, INSERT, UPDATE');

CREATE TABLE occupancy (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    billing_point_id uuid NOT NULL,
    person_id uuid NOT NULL,
    period daterange NOT NULL CHECK (NOT isempty(period)),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, billing_point_id) REFERENCES billing_point (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT,
    EXCLUDE USING gist (account_id WITH =, billing_point_id WITH =, period WITH &&)
);
CREATE INDEX occupancy_person ON occupancy (account_id, person_id);
SELECT protect_tenant_table('occupancy', 'SELECT, INSERT, UPDATE', 'SELECT');

-- uid_hash: keyed hash of the UID; the UID itself is never stored. uid_tail: its last four characters.
CREATE TABLE badge (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    person_id uuid NOT NULL,
    uid_hash bytea NOT NULL CHECK (length(uid_hash) = 32),
    uid_tail text NOT NULL CHECK (length(uid_tail) <= 4),
    label text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'blocked', 'lost')),
    valid_from date NOT NULL,
    valid_to date,
    last_used_at timestamptz,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, uid_hash),
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX badge_person ON badge (account_id, person_id);
SELECT protect_tenant_table('badge', 'SELECT, INSERT, UPDATE', 'SELECT, UPDATE');

-- Prices of a site, dated; prices include VAT where vat_included. A tariff in force is never edited: a new one follows.
CREATE TABLE tariff (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    name text NOT NULL,
    currency char(3) NOT NULL,
    vat_rate numeric(6, 4) NOT NULL CHECK (vat_rate BETWEEN 0 AND 1),
    vat_included boolean NOT NULL,
    period daterange NOT NULL CHECK (NOT isempty(period)),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    EXCLUDE USING gist (account_id WITH =, site_id WITH =, period WITH &&)
);
SELECT protect_tenant_table('tariff', 'SELECT, INSERT, UPDATE');

CREATE TABLE tariff_component (
    account_id uuid NOT NULL,
    tariff_id uuid NOT NULL,
    position int NOT NULL CHECK (position > 0),
    dimension text NOT NULL CHECK (dimension IN ('kwh', 'minute', 'idle_minute', 'session')),
    band text NOT NULL DEFAULT 'single' CHECK (band IN ('single', 'high', 'low')),
    unit_price numeric(14, 6) NOT NULL CHECK (unit_price >= 0),
    from_time time,
    to_time time,
    weekdays int[] CHECK (weekdays <@ ARRAY[1, 2, 3, 4, 5, 6, 7]),
    grace_minutes int CHECK (grace_minutes >= 0),
    cap_minor bigint CHECK (cap_minor >= 0),
    PRIMARY KEY (account_id, tariff_id, position),
    CHECK ((from_time IS NULL) = (to_time IS NULL)),
    FOREIGN KEY (account_id, tariff_id) REFERENCES tariff (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('tariff_component', 'SELECT, INSERT');
