-- Files for stations (firmware) and of stations (diagnostics). The bytes lie in the data folder under ACCOUNT/ID.
CREATE TABLE station_file (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    id uuid NOT NULL DEFAULT uuidv7(),
    kind text NOT NULL CHECK (kind IN ('firmware', 'diagnostics')),
    name text NOT NULL CHECK (name ~ '^[A-Za-z0-9._-]{1,100}$'),
    size bigint NOT NULL CHECK (size > 0),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    station_id uuid,
    command_id uuid,
    created_by uuid,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, command_id) REFERENCES station_command (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX station_file_kind ON station_file (account_id, kind, created_at DESC);
CREATE UNIQUE INDEX station_file_command ON station_file (account_id, command_id) WHERE command_id IS NOT NULL;
SELECT protect_tenant_table('station_file', 'SELECT, INSERT', 'SELECT, INSERT');

-- A link that a station may use once, until it expires: to fetch one file, or to leave one. token_hash: SHA-256.
CREATE TABLE station_link (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    account_id uuid NOT NULL,
    station_id uuid NOT NULL,
    command_id uuid NOT NULL,
    file_id uuid,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, command_id) REFERENCES station_command (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, file_id) REFERENCES station_file (account_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX station_link_command ON station_link (account_id, command_id);
SELECT protect_tenant_table('station_link', 'SELECT, INSERT', 'SELECT, UPDATE');
