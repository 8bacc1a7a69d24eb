-- Every event of a transaction of OCPP 2.0.1, once: its identity is the station, the transaction and its number (ST-16).
-- body_hash: of the message in canonical form, without the flag `offline`, which some stations set only on the retry.
CREATE TABLE transaction_event (
    account_id uuid NOT NULL,
    station_id uuid NOT NULL,
    transaction_ref text NOT NULL CHECK (length(transaction_ref) BETWEEN 1 AND 255),
    seq_no bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('Started', 'Updated', 'Ended')),
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    offline boolean NOT NULL,
    body text NOT NULL,
    body_hash bytea NOT NULL CHECK (length(body_hash) = 32),
    PRIMARY KEY (account_id, station_id, transaction_ref, seq_no),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('transaction_event', 'SELECT', 'SELECT, INSERT');

-- first_seq, last_seq, seen_events: which events have come; a gap is last - first + 1 <> seen. start_seq: the Started's
-- number, NULL while it is missing. meter_start_seq: the event that the start register is from. stop_seq: the Ended's.
-- charging_state: what the station says that the car does. display_text: what the station shows of the price, as the
-- fields of OCPP (JSON); written by whoever knows prices.
ALTER TABLE charging_session
    ADD COLUMN first_seq bigint,
    ADD COLUMN last_seq bigint,
    ADD COLUMN seen_events int NOT NULL DEFAULT 0,
    ADD COLUMN start_seq bigint,
    ADD COLUMN meter_start_seq bigint,
    ADD COLUMN stop_seq bigint,
    ADD COLUMN charging_state text,
    ADD COLUMN display_text text;

-- The device model: one row per attribute. evse_id, connector_id 0 and instance '' where the station names none.
CREATE TABLE device_variable (
    account_id uuid NOT NULL,
    station_id uuid NOT NULL,
    component text NOT NULL,
    component_instance text NOT NULL DEFAULT '',
    evse_id int NOT NULL DEFAULT 0,
    connector_id int NOT NULL DEFAULT 0,
    variable text NOT NULL,
    variable_instance text NOT NULL DEFAULT '',
    attribute text NOT NULL CHECK (attribute IN ('Actual', 'Target', 'MinSet', 'MaxSet')),
    value text,
    mutability text,
    persistent boolean,
    constant boolean,
    characteristics text,
    reported_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, station_id, component, component_instance, evse_id, connector_id, variable,
                 variable_instance, attribute),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('device_variable', 'SELECT', 'SELECT, INSERT, UPDATE');

-- The last that a station told of one thing: kind such as 'firmware', 'log', 'monitor', 'charging_limit', 'reservation';
-- key tells several of a kind apart. gone_at: the station has withdrawn it.
CREATE TABLE station_state (
    account_id uuid NOT NULL,
    station_id uuid NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    status text,
    body text NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    gone_at timestamptz,
    PRIMARY KEY (account_id, station_id, kind, key),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('station_state', 'SELECT', 'SELECT, INSERT, UPDATE');

-- What a station noticed: alerts of its monitors and components, as reported.
CREATE TABLE station_event (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    station_id uuid NOT NULL,
    event_no bigint NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    component text NOT NULL,
    variable text NOT NULL,
    trigger text NOT NULL,
    value text NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, station_id, event_no, at, component, variable),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('station_event', 'SELECT', 'SELECT, INSERT');
