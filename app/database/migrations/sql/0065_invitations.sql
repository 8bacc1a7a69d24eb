-- An offer of a role by mail: whoever holds the link takes it, once. Sent again it gets another link, and the older one is dead.
CREATE TABLE invitation (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    id uuid NOT NULL DEFAULT uuidv7(),
    token_hash bytea NOT NULL UNIQUE,
    email text NOT NULL CHECK (email LIKE '%_@_%'),
    name text NOT NULL DEFAULT '',
    locale text NOT NULL DEFAULT 'de' CHECK (locale IN ('de', 'fr', 'it', 'en', 'nl')),
    role text NOT NULL CHECK (role IN ('resident', 'former_resident', 'owner', 'proxy', 'installer', 'operator', 'support', 'developer',
                                       'superadmin')),
    site_id uuid,
    person_id uuid,
    valid_from date NOT NULL,
    valid_to date CHECK (valid_to >= valid_from),
    invited_by uuid NOT NULL REFERENCES login (id) ON DELETE RESTRICT,
    invited_at timestamptz NOT NULL,
    sent_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz,
    accepted_by uuid REFERENCES login (id) ON DELETE RESTRICT,
    withdrawn_at timestamptz,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE CASCADE,
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX invitation_open ON invitation (account_id, lower(email), role, site_id, person_id) NULLS NOT DISTINCT
    WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
SELECT protect_tenant_table('invitation', 'SELECT, INSERT, UPDATE', 'SELECT, UPDATE');

-- Taking an invitation spans accounts, since a login does: it makes the login and gives the role in one act.
GRANT INSERT ON role_grant TO hofstrom_machine;

ALTER TABLE api_token ADD COLUMN expires_on date, ADD COLUMN last_used_at timestamptz;
CREATE INDEX api_token_login ON api_token (login_id);
GRANT UPDATE (last_used_at) ON api_token TO hofstrom_machine;

ALTER TABLE login DROP CONSTRAINT login_locale_check, ADD CONSTRAINT login_locale_check CHECK (locale IN ('de', 'fr', 'it', 'en', 'nl'));

-- A role that was given by mistake ends before it began.
ALTER TABLE role_grant DROP CONSTRAINT role_grant_check, ADD CONSTRAINT role_grant_days CHECK (valid_to >= valid_from - 1);
