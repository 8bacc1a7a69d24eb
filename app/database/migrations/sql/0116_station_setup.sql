-- Settings that a station must have before it goes to work: until they are settled its boot is answered Pending.
-- state: wanted, applied, refused (the station's word), no_answer (given up after a few boots: a house is not left without
-- charging for a setting). station.awaits_setup: whether any is wanted, known when the station connects.
CREATE TABLE station_setup (
    account_id uuid NOT NULL,
    station_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    value text NOT NULL,
    state text NOT NULL DEFAULT 'wanted' CHECK (state IN ('wanted', 'applied', 'refused', 'no_answer')),
    boots int NOT NULL DEFAULT 0,
    needs_restart boolean NOT NULL DEFAULT false,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, station_id, name),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('station_setup', 'SELECT, INSERT, UPDATE, DELETE', 'SELECT, UPDATE');
ALTER TABLE station ADD awaits_setup boolean NOT NULL DEFAULT false;
