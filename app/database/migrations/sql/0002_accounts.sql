CREATE TABLE account (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    name text NOT NULL CHECK (name <> ''),
    country char(2) NOT NULL,
    currency char(3) NOT NULL,
    hotline text,
    created_at timestamptz NOT NULL
);
SELECT protect_tenant_table('account', 'SELECT', 'SELECT');

-- Logins belong to people, not to tenants: one person may live in the houses of two accounts. Only the machine
-- role reads them; what a login may do stands in role_grant.
CREATE TABLE login (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    email text NOT NULL CHECK (email LIKE '%_@_%'),
    password_hash text,
    name text NOT NULL DEFAULT '',
    locale text NOT NULL DEFAULT 'en' CHECK (locale IN ('de', 'fr', 'it', 'en')),
    created_at timestamptz NOT NULL,
    password_changed_at timestamptz
);
CREATE UNIQUE INDEX login_email ON login (lower(email));

CREATE TABLE role_grant (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    id uuid NOT NULL DEFAULT uuidv7(),
    login_id uuid NOT NULL REFERENCES login (id) ON DELETE RESTRICT,
    role text NOT NULL CHECK (role IN ('resident', 'former_resident', 'owner', 'proxy', 'installer', 'operator',
                                       'support', 'developer', 'superadmin')),
    site_id uuid,
    person_id uuid,
    valid_from date NOT NULL,
    valid_to date CHECK (valid_to >= valid_from),
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX role_grant_once ON role_grant (account_id, login_id, role, site_id, person_id, valid_from)
    NULLS NOT DISTINCT;
CREATE INDEX role_grant_login ON role_grant (login_id);
SELECT protect_tenant_table('role_grant', 'SELECT, INSERT, UPDATE', 'SELECT');

CREATE TABLE login_session (
    token_hash bytea PRIMARY KEY,
    login_id uuid NOT NULL REFERENCES login (id) ON DELETE RESTRICT,
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX login_session_login ON login_session (login_id);

CREATE TABLE login_link (
    token_hash bytea PRIMARY KEY,
    login_id uuid NOT NULL REFERENCES login (id) ON DELETE RESTRICT,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

CREATE TABLE api_token (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    id uuid NOT NULL DEFAULT uuidv7(),
    login_id uuid NOT NULL REFERENCES login (id) ON DELETE RESTRICT,
    name text NOT NULL,
    token_hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (account_id, id)
);
SELECT protect_tenant_table('api_token', 'SELECT, INSERT, UPDATE', 'SELECT');

GRANT SELECT, INSERT, UPDATE ON login TO hofstrom_machine;
GRANT SELECT, INSERT, UPDATE, DELETE ON login_session, login_link TO hofstrom_machine;

-- People's names for a page are read through this: never the hash.
CREATE VIEW login_name WITH (security_barrier = true) AS
    SELECT l.id, l.email, l.name, l.locale FROM login l
    WHERE EXISTS (SELECT 1 FROM role_grant g WHERE g.login_id = l.id AND g.account_id = current_account());
GRANT SELECT ON login_name TO hofstrom_app;
