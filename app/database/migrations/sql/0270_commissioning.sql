-- What a meter measured last on each phase, as a gateway tells it every few seconds; exports negative.
CREATE TABLE meter_current (
    account_id uuid NOT NULL,
    meter_id uuid NOT NULL,
    taken_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    ma int[] NOT NULL CHECK (array_length(ma, 1) = 3),
    PRIMARY KEY (account_id, meter_id),
    FOREIGN KEY (account_id, meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('meter_current', 'SELECT, INSERT, UPDATE', 'SELECT');

-- A commissioning run switches each station of a site in turn and learns its phases from the meter.
CREATE TABLE commissioning_run (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    started_by text NOT NULL CHECK (started_by <> ''),
    ended_at timestamptz,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'stopped')),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX commissioning_run_one ON commissioning_run (account_id, site_id) WHERE state = 'running';
CREATE INDEX commissioning_run_site ON commissioning_run (account_id, site_id, started_at);
SELECT protect_tenant_table('commissioning_run', 'SELECT, INSERT, UPDATE', 'SELECT');

-- One step a place. stage: off (nothing may flow), on (a little may), done. wired: the phases as they stood; found: where the
-- meter saw the current. Currents in milliamperes.
CREATE TABLE commissioning_step (
    account_id uuid NOT NULL,
    run_id uuid NOT NULL,
    position int NOT NULL,
    station_id uuid NOT NULL,
    connector_no int NOT NULL,
    stage text NOT NULL DEFAULT 'waiting' CHECK (stage IN ('waiting', 'off', 'on', 'done')),
    since timestamptz,
    began_at timestamptz,
    tries int NOT NULL DEFAULT 0,
    before_ma int[],
    after_ma int[],
    wired text[] NOT NULL,
    found text[],
    verdict text CHECK (verdict IN ('as_wired', 'learnt', 'unclear', 'no_current', 'no_car', 'no_meter', 'no_answer')),
    PRIMARY KEY (account_id, run_id, position),
    UNIQUE (account_id, run_id, station_id, connector_no),
    FOREIGN KEY (account_id, run_id) REFERENCES commissioning_run (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('commissioning_step', 'SELECT, INSERT, UPDATE', 'SELECT');
