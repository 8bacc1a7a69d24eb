-- security_profile: the one OCPP security profile that a station may use (1 Basic, 2 TLS and Basic, 3 TLS and client
-- certificate). next_profile: asked of the station, valid beside the present one until it has come with it.
-- reached_profile: the highest that it has ever come with; nothing below it is let in again.
-- next_password_hash: a new key, valid beside the present one until the station has come with it;
-- next_password_sealed: the key itself, encrypted, so that the same one can be sent again; NULL once it is in use.
-- certificate_name: the CN (serial number) that the station's certificate must bear.
ALTER TABLE station
    ADD security_profile smallint NOT NULL DEFAULT 1 CHECK (security_profile BETWEEN 1 AND 3),
    ADD next_profile smallint,
    ADD reached_profile smallint NOT NULL DEFAULT 0,
    ADD next_password_hash bytea CHECK (length(next_password_hash) = 32),
    ADD next_password_sealed bytea,
    ADD key_changed_at timestamptz,
    ADD certificate_name text CHECK (length(certificate_name) BETWEEN 1 AND 64),
    ADD CONSTRAINT station_next_profile CHECK (next_profile > security_profile AND next_profile <= 3),
    ADD CONSTRAINT station_never_lower CHECK (security_profile >= reached_profile);
CREATE UNIQUE INDEX station_certificate_name ON station (account_id, lower(certificate_name));

-- Certificates of stations, from the request on. asked: to be signed; issued: signed, on its way to the station;
-- installed: the station has taken it; in_use: it has come with it (one a station); replaced, refused, revoked: never let
-- in again. authority: which generation of our certificate authority signed it.
CREATE TABLE station_certificate (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    station_id uuid NOT NULL,
    csr text NOT NULL,
    csr_hash bytea NOT NULL CHECK (length(csr_hash) = 32),
    organisation text NOT NULL,
    common_name text NOT NULL,
    asked_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'asked'
        CHECK (state IN ('asked', 'issued', 'installed', 'in_use', 'replaced', 'refused', 'revoked')),
    reason text,
    authority int,
    serial text,
    fingerprint bytea CHECK (length(fingerprint) = 32),
    not_before timestamptz,
    not_after timestamptz,
    chain text,
    command_id uuid,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT,
    CHECK (state IN ('asked', 'refused') OR (serial IS NOT NULL AND fingerprint IS NOT NULL AND not_after IS NOT NULL))
);
CREATE UNIQUE INDEX station_certificate_serial ON station_certificate (serial);
CREATE UNIQUE INDEX station_certificate_fingerprint ON station_certificate (fingerprint);
CREATE UNIQUE INDEX station_certificate_in_use ON station_certificate (account_id, station_id) WHERE state = 'in_use';
CREATE UNIQUE INDEX station_certificate_request ON station_certificate (account_id, station_id, csr_hash);
CREATE INDEX station_certificate_command ON station_certificate (command_id);
SELECT protect_tenant_table('station_certificate', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE');

-- Which root of ours a station trusts.
CREATE TABLE station_root (
    account_id uuid NOT NULL,
    station_id uuid NOT NULL,
    authority int NOT NULL,
    state text NOT NULL CHECK (state IN ('asked', 'installed', 'refused', 'deleting', 'deleted')),
    command_id uuid,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, station_id, authority),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('station_root', 'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE');

-- What a station reports itself carries its own time; critical: a person should look; seen_at: one has.
ALTER TABLE security_event
    ADD source text NOT NULL DEFAULT 'server' CHECK (source IN ('server', 'station')),
    ADD critical boolean NOT NULL DEFAULT false,
    ADD station_time timestamptz,
    ADD seen_at timestamptz,
    ADD seen_by uuid;
CREATE UNIQUE INDEX security_event_once ON security_event (account_id, station_id, kind, station_time, md5(detail))
    WHERE source = 'station';
CREATE INDEX security_event_account ON security_event (account_id, at);
GRANT UPDATE (seen_at, seen_by) ON security_event TO hofstrom_app;
