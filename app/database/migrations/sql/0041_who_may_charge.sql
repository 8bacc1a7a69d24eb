-- Who may charge. roaming_allowed, guests_allowed: switches of a station. charging_allowed: a resident whose charging is
-- stopped keeps the flat and the bills.
ALTER TABLE station
    ADD roaming_allowed boolean NOT NULL DEFAULT false,
    ADD guests_allowed boolean NOT NULL DEFAULT false,
    ADD meter_public_key text;
ALTER TABLE person ADD charging_allowed boolean NOT NULL DEFAULT true;
GRANT SELECT (account_id, id, charging_allowed) ON person TO hofstrom_machine;
CREATE POLICY machine_asks ON person FOR SELECT TO hofstrom_machine USING (true);
ALTER TABLE badge ADD sessions_at_once int NOT NULL DEFAULT 1 CHECK (sessions_at_once > 0);
ALTER TABLE charge_request ADD class text NOT NULL DEFAULT 'internal' CHECK (class IN ('internal', 'external'));
-- issuer: the roaming partner whose customer it was.
ALTER TABLE charging_session ADD issuer text;
CREATE INDEX charging_session_tag ON charging_session (account_id, tag_hash) WHERE state = 'open';

-- Tokens that roaming partners answer for.
CREATE TABLE roaming_token (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    uid_hash bytea NOT NULL CHECK (length(uid_hash) = 32),
    uid_tail text NOT NULL CHECK (length(uid_tail) <= 4),
    issuer text NOT NULL CHECK (issuer <> ''),
    allowed boolean NOT NULL DEFAULT true,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, uid_hash)
);
SELECT protect_tenant_table('roaming_token', 'SELECT, INSERT, UPDATE', 'SELECT');

-- The last word on a token at a station: its class is fixed here and goes with the session that follows.
CREATE TABLE token_authorisation (
    account_id uuid NOT NULL,
    station_id uuid NOT NULL,
    tag_hash bytea NOT NULL,
    at timestamptz NOT NULL,
    status text NOT NULL,
    class text NOT NULL CHECK (class IN ('internal', 'external')),
    issuer text,
    PRIMARY KEY (account_id, station_id, tag_hash),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('token_authorisation', 'SELECT', 'SELECT, INSERT, UPDATE');
