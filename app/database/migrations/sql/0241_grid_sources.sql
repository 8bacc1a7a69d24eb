-- A grid operator's folder on an SFTP server, from which the files of a house are fetched. secret: a password or a private key,
-- sealed; host_key: the one key that the server must show. failed: why nothing could be fetched the last time.
CREATE TABLE grid_source (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    host text NOT NULL CHECK (host ~ '^[A-Za-z0-9.:_-]{1,253}$'),
    port int NOT NULL CHECK (port BETWEEN 1 AND 65535),
    username text NOT NULL CHECK (length(username) BETWEEN 1 AND 120),
    folder text NOT NULL CHECK (length(folder) BETWEEN 1 AND 400),
    host_key text NOT NULL,
    secret bytea,
    created_at timestamptz NOT NULL,
    tried_at timestamptz,
    failed text,
    ended_at timestamptz,
    PRIMARY KEY (account_id, id),
    CHECK (ended_at IS NOT NULL OR secret IS NOT NULL),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX grid_source_site ON grid_source (account_id, site_id);
SELECT protect_tenant_table('grid_source', 'SELECT, INSERT, UPDATE', 'SELECT');

-- Files that were taken, each once: one that has grown or was written again is another one.
CREATE TABLE grid_file (
    account_id uuid NOT NULL,
    source_id uuid NOT NULL,
    name text NOT NULL,
    size bigint NOT NULL,
    modified_at timestamptz NOT NULL,
    taken_at timestamptz NOT NULL,
    stored int NOT NULL,
    bad int NOT NULL,
    PRIMARY KEY (account_id, source_id, name, size, modified_at),
    FOREIGN KEY (account_id, source_id) REFERENCES grid_source (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('grid_file', 'SELECT, INSERT');
