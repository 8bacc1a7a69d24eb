-- The current that a place may take, and what its charger has made of it. wanted_a: what was granted (amperes per phase;
-- null: the limit is being lifted). told_a, lease_until: what the charger has accepted, and until when it keeps it.
-- failsafe_a: the lasting low limit under it. counted_a: what the place must be counted at until its meter shows less.
-- raised_at, wakes, pulse: after a pause some cars must be woken by taking the current away once more.
CREATE TABLE charging_limit (
    account_id uuid NOT NULL,
    station_id uuid NOT NULL,
    connector_no int NOT NULL,
    wanted_a numeric(5, 1) CHECK (wanted_a = 0 OR wanted_a BETWEEN 6 AND 500),
    wanted_at timestamptz NOT NULL,
    failsafe_a numeric(5, 1) NOT NULL CHECK (failsafe_a = 0 OR failsafe_a BETWEEN 6 AND 500),
    failsafe_set boolean NOT NULL DEFAULT false,
    units_asked boolean NOT NULL DEFAULT false,
    told_a numeric(5, 1),
    told_at timestamptz,
    lease_until timestamptz,
    counted_a numeric(5, 1) NOT NULL,
    confirmed_at timestamptz,
    raised_at timestamptz,
    wakes int NOT NULL DEFAULT 0,
    pulse boolean NOT NULL DEFAULT false,
    problem text CHECK (problem IN ('refused', 'not_obeyed', 'car_sleeps')),
    pending uuid,
    retry_at timestamptz,
    PRIMARY KEY (account_id, station_id, connector_no),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('charging_limit', 'SELECT', 'SELECT, INSERT, UPDATE, DELETE');
