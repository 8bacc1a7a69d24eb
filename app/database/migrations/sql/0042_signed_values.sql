-- Signed meter values, byte for byte. received: the value as it stood in the message; record: the signed record in it.
-- key_source: 'station' where the key is the one entered for the station, 'message' where it came with the value.
CREATE TABLE signed_value (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    station_id uuid NOT NULL,
    connector_no int NOT NULL,
    session_id uuid,
    taken_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    context text,
    received text NOT NULL,
    record bytea NOT NULL,
    record_hash bytea NOT NULL CHECK (length(record_hash) = 32),
    verdict text NOT NULL CHECK (verdict IN ('valid', 'invalid', 'no_key', 'unsupported', 'unreadable')),
    public_key text,
    key_source text CHECK (key_source IN ('station', 'message')),
    PRIMARY KEY (account_id, id),
    UNIQUE NULLS NOT DISTINCT (account_id, station_id, session_id, record_hash),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, session_id) REFERENCES charging_session (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX signed_value_session ON signed_value (account_id, session_id);
CREATE TRIGGER signed_value_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON signed_value
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
SELECT protect_tenant_table('signed_value', 'SELECT', 'SELECT, INSERT');
