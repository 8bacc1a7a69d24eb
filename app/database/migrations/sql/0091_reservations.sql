-- Places kept for a resident. number: how the station knows it. connector_no null: any connector of the station.
-- state: asked of the station, reserved, refused by it, used by its holder, cancelled, expired. reason: why it was refused.
CREATE TABLE reservation (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    number int NOT NULL,
    station_id uuid NOT NULL,
    connector_no int CHECK (connector_no > 0),
    person_id uuid NOT NULL,
    until timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'reserved', 'refused', 'used', 'cancelled', 'expired')),
    reason text,
    command_id uuid NOT NULL,
    asked_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT,
    UNIQUE (account_id, station_id, number)
);
CREATE UNIQUE INDEX reservation_of_place ON reservation (account_id, station_id, connector_no) WHERE state IN ('asked', 'reserved');
CREATE INDEX reservation_live ON reservation (until) WHERE state IN ('asked', 'reserved');
SELECT protect_tenant_table('reservation', 'SELECT, INSERT', 'SELECT, UPDATE');
