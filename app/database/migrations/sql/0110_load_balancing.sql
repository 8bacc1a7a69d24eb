-- Currents in milliamperes, three values: L1, L2, L3. worst_base_ma: the most that everything else on the circuit has drawn
-- or will; it counts when the meter is silent. has_meter: its base load is told by a meter (DLM), else the worst always counts.
CREATE TABLE circuit (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    parent_id uuid,
    name text NOT NULL CHECK (name <> ''),
    limit_ma int[] NOT NULL CHECK (array_length(limit_ma, 1) = 3 AND 0 <= ALL (limit_ma)),
    margin_ma int NOT NULL DEFAULT 0 CHECK (margin_ma >= 0),
    unbalance_ma int CHECK (unbalance_ma > 0),
    worst_base_ma int[] NOT NULL DEFAULT '{0,0,0}' CHECK (array_length(worst_base_ma, 1) = 3),
    has_meter boolean NOT NULL DEFAULT false,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, site_id, name),
    CHECK (parent_id <> id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, parent_id) REFERENCES circuit (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('circuit', 'SELECT, INSERT, UPDATE', 'SELECT');

-- What the circuit's meter said last of everything that is no car; exports negative.
CREATE TABLE circuit_reading (
    account_id uuid NOT NULL,
    circuit_id uuid NOT NULL,
    taken_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    base_ma int[] NOT NULL CHECK (array_length(base_ma, 1) = 3),
    PRIMARY KEY (account_id, circuit_id),
    FOREIGN KEY (account_id, circuit_id) REFERENCES circuit (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('circuit_reading', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE');

-- phases: the station's L1, L2, L3 in the order of its terminals. fail_safe_ma: what it takes when it hears nothing.
CREATE TABLE station_wiring (
    account_id uuid NOT NULL,
    station_id uuid NOT NULL,
    circuit_id uuid NOT NULL,
    phases text[] NOT NULL CHECK (phases <@ '{L1,L2,L3}' AND array_length(phases, 1) BETWEEN 1 AND 3),
    max_ma int NOT NULL CHECK (max_ma >= 6000),
    fail_safe_ma int NOT NULL DEFAULT 6000 CHECK (fail_safe_ma = 0 OR fail_safe_ma >= 6000),
    step_ma int NOT NULL DEFAULT 1000 CHECK (step_ma BETWEEN 100 AND 1000),
    priority int NOT NULL DEFAULT 1 CHECK (priority BETWEEN 1 AND 9),
    PRIMARY KEY (account_id, station_id),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, circuit_id) REFERENCES circuit (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('station_wiring', 'SELECT, INSERT, UPDATE', 'SELECT');

-- One node works a site at a time. term counts the owners: what an earlier one still writes is refused.
CREATE TABLE balance_lease (
    account_id uuid NOT NULL,
    site_id uuid NOT NULL,
    owner text NOT NULL,
    term bigint NOT NULL DEFAULT 1,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, site_id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('balance_lease', 'SELECT', 'SELECT, INSERT, UPDATE');

-- A cap on the power of all cars of a site until a time, as a grid operator asks (§ 14a EnWG).
CREATE TABLE site_power_cap (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    cap_w int NOT NULL CHECK (cap_w >= 0),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    asked_by text NOT NULL CHECK (asked_by <> ''),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX site_power_cap_site ON site_power_cap (account_id, site_id, ends_at);
SELECT protect_tenant_table('site_power_cap', 'SELECT, INSERT, UPDATE', 'SELECT');

-- What a resident wants of a charge.
CREATE TABLE charging_wish (
    account_id uuid NOT NULL,
    session_id uuid NOT NULL,
    departure_at timestamptz,
    wanted_wh bigint CHECK (wanted_wh > 0),
    mode text NOT NULL DEFAULT 'fast' CHECK (mode IN ('fast', 'minimum', 'solar')),
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, session_id),
    FOREIGN KEY (account_id, session_id) REFERENCES charging_session (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('charging_wish', 'SELECT, INSERT, UPDATE', 'SELECT');

-- Why a car has what it has: one row whenever the reason or the current changes.
CREATE TABLE balance_step (
    account_id uuid NOT NULL,
    session_id uuid NOT NULL,
    at timestamptz NOT NULL,
    limit_ma int NOT NULL,
    reason text NOT NULL,
    cars int NOT NULL,
    shared_ma int,
    circuit_name text,
    next_at timestamptz,
    on_since timestamptz,
    rising_since timestamptz,
    PRIMARY KEY (account_id, session_id, at),
    FOREIGN KEY (account_id, session_id) REFERENCES charging_session (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('balance_step', 'SELECT', 'SELECT, INSERT');
