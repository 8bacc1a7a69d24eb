-- Readings as they came, never edited, and what was made of them: validated days, issues, locks.

-- What a gateway shows at our door. The token itself is never stored.
CREATE TABLE gateway_token (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> '' AND length(name) <= 80),
    token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX gateway_token_hash ON gateway_token (token_hash);
SELECT protect_tenant_table('gateway_token', 'SELECT, INSERT', 'SELECT');
GRANT UPDATE (revoked_at) ON gateway_token TO hofstrom_app;

-- Registers at a time: Wh for electricity and heat, litres for water. exported: electricity that left through the meter.
-- way: how it came, 1 gateway, 2 file, 3 hand, 4 installation, 5 broker.
CREATE TABLE index_reading (
    account_id uuid NOT NULL,
    meter_id uuid NOT NULL,
    taken_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    imported bigint NOT NULL CHECK (imported >= 0),
    exported bigint CHECK (exported >= 0),
    way smallint NOT NULL,
    reader text,
    PRIMARY KEY (account_id, meter_id, taken_at)
) PARTITION BY RANGE (taken_at);

-- Amounts of quarter-hours, as grid operators send them. A later one for the same time stands in place of the earlier one.
CREATE TABLE interval_reading (
    account_id uuid NOT NULL,
    meter_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    imported int NOT NULL CHECK (imported >= 0),
    exported int CHECK (exported >= 0),
    way smallint NOT NULL,
    PRIMARY KEY (account_id, meter_id, starts_at, received_at)
) PARTITION BY RANGE (starts_at);

DO $$
BEGIN
    FOR year IN 2020..2040 LOOP
        EXECUTE format('CREATE TABLE index_reading_%s PARTITION OF index_reading FOR VALUES FROM (%L) TO (%L)',
                       year, year || '-01-01 00:00+00', (year + 1) || '-01-01 00:00+00');
        EXECUTE format('CREATE TABLE interval_reading_%s PARTITION OF interval_reading FOR VALUES FROM (%L) TO (%L)',
                       year, year || '-01-01 00:00+00', (year + 1) || '-01-01 00:00+00');
    END LOOP;
END $$;
CREATE TABLE index_reading_rest PARTITION OF index_reading DEFAULT;
CREATE TABLE interval_reading_rest PARTITION OF interval_reading DEFAULT;
SELECT protect_tenant_table('index_reading', 'SELECT, INSERT');
SELECT protect_tenant_table('interval_reading', 'SELECT, INSERT');

-- What could not be taken, once. serial: as it was sent; value: what was sent.
CREATE TABLE reading_issue (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    meter_id uuid,
    serial text NOT NULL,
    taken_at timestamptz,
    code text NOT NULL,
    value text NOT NULL,
    source text NOT NULL,
    received_at timestamptz NOT NULL,
    closed_at timestamptz,
    closed_by text,
    resolution text,
    PRIMARY KEY (account_id, id),
    UNIQUE NULLS NOT DISTINCT (account_id, site_id, serial, taken_at, code, value),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX reading_issue_open ON reading_issue (account_id, site_id, received_at) WHERE closed_at IS NULL;
SELECT protect_tenant_table('reading_issue', 'SELECT, INSERT');
GRANT UPDATE (closed_at, closed_by, resolution) ON reading_issue TO hofstrom_app;

-- Local days whose validated series is older than the readings.
CREATE TABLE stale_day (
    account_id uuid NOT NULL,
    meter_id uuid NOT NULL,
    day date NOT NULL,
    PRIMARY KEY (account_id, meter_id, day),
    FOREIGN KEY (account_id, meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('stale_day', 'SELECT, INSERT, DELETE', 'SELECT');

-- The validated series of a local day: quarter-hours as little-endian 32-bit integers, -1 missing. marks: a byte a quarter,
-- 0 measured, 1 estimated, 2 missing; NULL: all measured. final: the day is over and whole.
CREATE TABLE validated_day (
    account_id uuid NOT NULL,
    meter_id uuid NOT NULL,
    day date NOT NULL,
    imported bytea NOT NULL CHECK (length(imported) IN (368, 384, 400)),
    exported bytea CHECK (length(exported) = length(imported)),
    marks bytea CHECK (length(marks) * 4 = length(imported)),
    final boolean NOT NULL,
    validated_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, meter_id, day),
    FOREIGN KEY (account_id, meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT
);
ALTER TABLE validated_day ALTER COLUMN imported SET STORAGE PLAIN, ALTER COLUMN exported SET STORAGE PLAIN;
SELECT protect_tenant_table('validated_day', 'SELECT, INSERT, UPDATE');

-- How readings of a kind become validated ones in a house. most_per_hour: more is no reading (Wh or litres).
-- longest_gap_h: a longer gap between two indexes is left open instead of estimated; NULL: every gap is estimated.
CREATE TABLE validation_scheme (
    account_id uuid NOT NULL,
    site_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('electricity', 'heating', 'cold_water', 'hot_water', 'cooling', 'reactive')),
    most_per_hour bigint NOT NULL CHECK (most_per_hour > 0),
    longest_gap_h int CHECK (longest_gap_h > 0),
    locked_until date,
    validated_only boolean NOT NULL DEFAULT false,
    validate_on_view boolean NOT NULL DEFAULT true,
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (account_id, site_id, kind),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('validation_scheme', 'SELECT, INSERT, UPDATE');

-- Corrections of validated series. swap: the meter is wired backwards. term: part_id is added or taken off. behind: part_id is
-- PV wired behind this consumption meter, so use = imported - exported + produced.
CREATE TABLE meter_correction (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    meter_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('swap', 'term', 'behind')),
    part_id uuid CHECK (part_id <> meter_id),
    sign int CHECK (sign IN (1, -1)),
    period daterange NOT NULL CHECK (NOT isempty(period)),
    PRIMARY KEY (account_id, id),
    CHECK ((kind = 'swap') = (part_id IS NULL)),
    CHECK ((kind = 'term') = (sign IS NOT NULL)),
    FOREIGN KEY (account_id, meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, part_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT,
    EXCLUDE USING gist (account_id WITH =, meter_id WITH =, kind WITH =, (coalesce(part_id, meter_id)) WITH =, period WITH &&)
);
CREATE INDEX meter_correction_part ON meter_correction (account_id, part_id);
SELECT protect_tenant_table('meter_correction', 'SELECT, INSERT, DELETE');

-- isolated: stands for nothing but itself and appears in no correction.
ALTER TABLE meter ADD COLUMN isolated boolean NOT NULL DEFAULT false;
GRANT UPDATE (isolated) ON meter TO hofstrom_app;

-- What a billing point used on a local day, and what of it was solar: made from validated days, frozen by the lock.
CREATE TABLE point_day (
    account_id uuid NOT NULL,
    billing_point_id uuid NOT NULL,
    day date NOT NULL,
    used bytea NOT NULL CHECK (length(used) IN (368, 384, 400)),
    solar bytea NOT NULL CHECK (length(solar) = length(used)),
    PRIMARY KEY (account_id, billing_point_id, day),
    FOREIGN KEY (account_id, billing_point_id) REFERENCES billing_point (account_id, id) ON DELETE RESTRICT
);
ALTER TABLE point_day ALTER COLUMN used SET STORAGE PLAIN, ALTER COLUMN solar SET STORAGE PLAIN;
SELECT protect_tenant_table('point_day', 'SELECT, INSERT, UPDATE');

-- Local days of a house whose shares are older than the series that they are made of.
CREATE TABLE stale_share (
    account_id uuid NOT NULL,
    site_id uuid NOT NULL,
    day date NOT NULL,
    PRIMARY KEY (account_id, site_id, day),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('stale_share', 'SELECT, INSERT, DELETE', 'SELECT');

-- Thermal energy is hot or cold.
ALTER TABLE meter DROP CONSTRAINT meter_medium_check,
    ADD CONSTRAINT meter_medium_check CHECK (medium IN ('electricity', 'heat', 'cooling', 'hot_water', 'cold_water'));
