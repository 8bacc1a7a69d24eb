-- Somebody asks for access through a public form: a resident, or an installer. account_id is NULL while no account is matched: then
-- only the platform's superadmins see it. Names and addresses go with the answer.
CREATE TABLE access_request (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    account_id uuid REFERENCES account (id) ON DELETE RESTRICT,
    kind text NOT NULL CHECK (kind IN ('resident', 'installer')),
    name text NOT NULL,
    email text NOT NULL,
    phone text NOT NULL DEFAULT '',
    street text NOT NULL DEFAULT '',
    postcode text NOT NULL DEFAULT '',
    city text NOT NULL DEFAULT '',
    place text NOT NULL DEFAULT '',
    comment text NOT NULL DEFAULT '',
    locale text NOT NULL CHECK (locale IN ('de', 'fr', 'it', 'en', 'nl')),
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'refused')),
    person_id uuid,
    asked_at timestamptz NOT NULL,
    answered_at timestamptz,
    answered_by uuid REFERENCES login (id) ON DELETE RESTRICT,
    answer text NOT NULL DEFAULT '',
    CHECK (state <> 'approved' OR account_id IS NOT NULL),
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX access_request_open ON access_request (lower(email), kind, account_id) NULLS NOT DISTINCT WHERE state = 'pending';
CREATE INDEX access_request_account ON access_request (account_id, asked_at);
SELECT protect_tenant_table('access_request', 'SELECT', 'SELECT, INSERT, UPDATE');
