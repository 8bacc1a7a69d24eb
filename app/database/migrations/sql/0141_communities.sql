-- Energy communities: who takes part, the connections (EAN) behind their meters, and what holds for each from which day.

CREATE TABLE community (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, site_id, name),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('community', 'SELECT, INSERT');

CREATE TABLE community_member (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    community_id uuid NOT NULL,
    person_id uuid NOT NULL,
    period daterange NOT NULL CHECK (NOT isempty(period)),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, community_id) REFERENCES community (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT,
    EXCLUDE USING gist (account_id WITH =, community_id WITH =, person_id WITH =, period WITH &&)
);
CREATE INDEX community_member_person ON community_member (account_id, person_id);
SELECT protect_tenant_table('community_member', 'SELECT, INSERT, UPDATE');

-- The community's side of a meter: its id is the meter's, whose serial is the number that stands on it.
CREATE TABLE community_meter (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    community_id uuid NOT NULL,
    ean text NOT NULL CHECK (ean ~ '^[0-9]{18}$'),
    street text NOT NULL CHECK (street <> ''),
    postcode text NOT NULL CHECK (postcode <> ''),
    city text NOT NULL CHECK (city <> ''),
    country char(2) NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, id) REFERENCES meter (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, community_id) REFERENCES community (account_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX community_meter_ean ON community_meter (account_id, ean);
CREATE INDEX community_meter_community ON community_meter (account_id, community_id);
SELECT protect_tenant_table('community_meter', 'SELECT, INSERT');

-- What holds for a meter from a day to a day; never two at once. Only an active one is in any calculation.
CREATE TABLE community_configuration (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    meter_id uuid NOT NULL,
    member_id uuid NOT NULL,
    period daterange NOT NULL CHECK (NOT isempty(period) AND NOT lower_inf(period)),
    state text NOT NULL CHECK (state IN ('active', 'inactive', 'waiting_for_grid_operator', 'waiting_for_manager')),
    phases int NOT NULL CHECK (phases >= 1),
    reading_frequency text NOT NULL CHECK (reading_frequency IN ('monthly', 'yearly')),
    tariff_group text NOT NULL CHECK (tariff_group IN ('low_tension', 'high_tension')),
    sampling_power_kw numeric(12, 3) CHECK (sampling_power_kw >= 0),
    generating_capacity_kw numeric(12, 3) CHECK (generating_capacity_kw >= 0),
    amperage_a numeric(9, 2) CHECK (amperage_a >= 0),
    production_chain text CHECK (production_chain IN ('solar', 'wind', 'hydro', 'biomass', 'biogas', 'fossil_cogeneration', 'other')),
    injection_status text CHECK (injection_status IN ('self_producer_owner', 'self_producer_rights', 'injection_owner', 'injection_rights')),
    grid_operator text NOT NULL CHECK (grid_operator <> ''),
    rate text NOT NULL CHECK (rate IN ('simple', 'dual', 'night_only')),
    client_type text NOT NULL CHECK (client_type IN ('residential', 'business', 'industrial')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, meter_id) REFERENCES community_meter (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, member_id) REFERENCES person (account_id, id) ON DELETE RESTRICT,
    EXCLUDE USING gist (account_id WITH =, meter_id WITH =, period WITH &&)
);
CREATE INDEX community_configuration_member ON community_configuration (account_id, member_id);
SELECT protect_tenant_table('community_configuration', 'SELECT, INSERT, UPDATE, DELETE');

-- What a meter fed into the grid, packed as quarter_day packs what it drew.
CREATE TABLE community_feed (
    account_id uuid NOT NULL,
    meter_id uuid NOT NULL,
    day date NOT NULL,
    wh bytea NOT NULL CHECK (length(wh) IN (368, 384, 400)),
    received_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, meter_id, day),
    FOREIGN KEY (account_id, meter_id) REFERENCES community_meter (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('community_feed', 'SELECT, INSERT, UPDATE');
