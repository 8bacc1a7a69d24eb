-- A developer's name and password for the API: never those of the portal, one pair a person.
CREATE TABLE api_credential (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    id uuid NOT NULL DEFAULT uuidv7(),
    login_id uuid NOT NULL REFERENCES login (id) ON DELETE RESTRICT,
    username text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX api_credential_one ON api_credential (account_id, login_id) WHERE revoked_at IS NULL;
SELECT protect_tenant_table('api_credential', 'SELECT, INSERT, UPDATE', 'SELECT');

-- A developer reads a site through the API once its owner and the operator have both consented, until one of them ends it.
CREATE TABLE api_right (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    login_id uuid NOT NULL REFERENCES login (id) ON DELETE RESTRICT,
    owner_consent_at timestamptz,
    owner_consent_by uuid REFERENCES login (id) ON DELETE RESTRICT,
    operator_consent_at timestamptz,
    operator_consent_by uuid REFERENCES login (id) ON DELETE RESTRICT,
    ended_at timestamptz,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX api_right_one ON api_right (account_id, site_id, login_id) WHERE ended_at IS NULL;
SELECT protect_tenant_table('api_right', 'SELECT, INSERT, UPDATE');
