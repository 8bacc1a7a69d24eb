-- What is installed in a house and measures: gateways, the full meter, and where it counts from which day to which.

-- serial: in capitals; the maker's, and nobody else's on this installation. seen_at: when it was last heard of.
CREATE TABLE gateway (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    building_id uuid,
    name text NOT NULL DEFAULT '' CHECK (length(name) <= 80),
    serial text NOT NULL CHECK (serial ~ '^[A-Z0-9][A-Z0-9./-]{2,39}$'),
    model text NOT NULL DEFAULT '',
    installed_on date,
    removed_on date CHECK (removed_on >= installed_on),
    seen_at timestamptz,
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, building_id) REFERENCES building (account_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX gateway_serial ON gateway (serial);
CREATE INDEX gateway_site ON gateway (account_id, site_id);
SELECT protect_tenant_table('gateway', 'SELECT, INSERT, UPDATE', 'SELECT, UPDATE');

-- kind: which way its energy goes. source: read on a gateway, reckoned from other meters, or sent by the grid's operator.
-- bus_address: Modbus for electricity, M-Bus for the rest. ratio: the current transformers' factor, 1 for a direct meter.
ALTER TABLE meter DROP CONSTRAINT meter_kind_check;
ALTER TABLE meter DROP CONSTRAINT meter_check;
ALTER TABLE meter
    ADD CONSTRAINT meter_kind_check CHECK (kind IN ('use', 'production', 'entry', 'battery')),
    ADD COLUMN medium text NOT NULL DEFAULT 'electricity' CHECK (medium IN ('electricity', 'heat', 'hot_water', 'cold_water')),
    ADD COLUMN source text NOT NULL DEFAULT 'physical' CHECK (source IN ('physical', 'rule', 'dso')),
    ADD COLUMN model text NOT NULL DEFAULT '' CHECK (length(model) <= 80),
    ADD COLUMN gateway_id uuid,
    ADD COLUMN bus_address int CHECK (bus_address BETWEEN 0 AND 250),
    ADD COLUMN indirect boolean NOT NULL DEFAULT false,
    ADD COLUMN amperage_a int CHECK (amperage_a BETWEEN 1 AND 10000),
    ADD COLUMN phases int NOT NULL DEFAULT 3 CHECK (phases IN (1, 3)),
    ADD COLUMN installed_on date,
    ADD COLUMN removed_on date CHECK (removed_on >= installed_on),
    ADD COLUMN replaces_id uuid,
    ADD CHECK (medium = 'electricity' OR kind = 'use'),
    ADD CHECK (gateway_id IS NULL OR source = 'physical'),
    ADD CHECK (NOT indirect OR amperage_a IS NOT NULL),
    ADD CHECK (replaces_id <> id),
    ADD FOREIGN KEY (account_id, gateway_id) REFERENCES gateway (account_id, id) ON DELETE RESTRICT,
    ADD FOREIGN KEY (account_id, replaces_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT;
CREATE UNIQUE INDEX meter_on_bus ON meter (account_id, gateway_id, (medium = 'electricity'), bus_address)
    WHERE removed_on IS NULL AND gateway_id IS NOT NULL;
CREATE UNIQUE INDEX meter_replaced_once ON meter (account_id, replaces_id) WHERE replaces_id IS NOT NULL;
GRANT UPDATE (kind, parent_id, serial, model, gateway_id, bus_address, indirect, amperage_a, phases, installed_on, removed_on)
    ON meter TO hofstrom_app;
CREATE POLICY machine_all ON meter TO hofstrom_machine USING (true) WITH CHECK (true);
GRANT SELECT ON meter TO hofstrom_machine;

-- Which point a meter's energy counts for, from a day to a day; never two at once. Bills take the link of each day.
CREATE TABLE meter_link (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    meter_id uuid NOT NULL,
    billing_point_id uuid NOT NULL,
    period daterange NOT NULL CHECK (NOT isempty(period)),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, billing_point_id) REFERENCES billing_point (account_id, id) ON DELETE RESTRICT,
    EXCLUDE USING gist (account_id WITH =, meter_id WITH =, period WITH &&)
);
CREATE INDEX meter_link_point ON meter_link (account_id, billing_point_id);
SELECT protect_tenant_table('meter_link', 'SELECT, INSERT, UPDATE, DELETE', 'SELECT');
INSERT INTO meter_link (account_id, meter_id, billing_point_id, period)
    SELECT account_id, id, billing_point_id, daterange(NULL, NULL) FROM meter WHERE billing_point_id IS NOT NULL;
ALTER TABLE meter DROP COLUMN billing_point_id;

-- A meter reckoned from others: their sum, with what is subtracted marked by -1.
CREATE TABLE meter_term (
    account_id uuid NOT NULL,
    meter_id uuid NOT NULL,
    part_id uuid NOT NULL CHECK (part_id <> meter_id),
    sign int NOT NULL CHECK (sign IN (1, -1)),
    PRIMARY KEY (account_id, meter_id, part_id),
    FOREIGN KEY (account_id, meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, part_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX meter_term_part ON meter_term (account_id, part_id);
SELECT protect_tenant_table('meter_term', 'SELECT, INSERT, DELETE');

-- What a meter said last: power (W) and voltage (mV) of L1, L2, L3, and its registers. For the checks before a hand-over.
CREATE TABLE meter_live (
    account_id uuid NOT NULL,
    meter_id uuid NOT NULL,
    taken_at timestamptz NOT NULL,
    power_w int[] NOT NULL CHECK (array_length(power_w, 1) IN (1, 3)),
    voltage_mv int[] CHECK (array_length(voltage_mv, 1) IN (1, 3)),
    import_wh bigint,
    export_wh bigint,
    PRIMARY KEY (account_id, meter_id),
    FOREIGN KEY (account_id, meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('meter_live', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE');
