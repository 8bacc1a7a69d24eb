-- What an account is under contract for. An account without a row is the installation's own and has no limit.
CREATE TABLE licence (
    account_id uuid PRIMARY KEY REFERENCES account (id) ON DELETE RESTRICT,
    client_name text NOT NULL CHECK (client_name <> ''),
    kind text NOT NULL CHECK (kind IN ('basic', 'plus', 'enterprise')),
    datapoints int NOT NULL CHECK (datapoints >= 20),
    sector text NOT NULL,
    rtc_lines int NOT NULL DEFAULT 0 CHECK (rtc_lines >= 0),
    email_domain text,
    starts_on date NOT NULL,
    expires_on date NOT NULL CHECK (expires_on > starts_on)
);
SELECT protect_tenant_table('licence', 'SELECT', 'SELECT, INSERT, UPDATE');

-- new: account_id is NULL until it is approved, when the account is made. Nothing changes before an approval.
CREATE TABLE licence_request (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    account_id uuid REFERENCES account (id) ON DELETE RESTRICT,
    kind text NOT NULL CHECK (kind IN ('new', 'extension', 'upgrade', 'renewal')),
    account_name text NOT NULL CHECK (account_name <> ''),
    client_name text NOT NULL DEFAULT '',
    country char(2),
    licence_kind text CHECK (licence_kind IN ('basic', 'plus', 'enterprise')),
    datapoints int,
    months int CHECK (months BETWEEN 1 AND 60),
    sector text,
    rtc_lines int NOT NULL DEFAULT 0 CHECK (rtc_lines >= 0 AND (rtc_lines = 0 OR country = 'ES')),
    email_domain text,
    comment text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'refused')),
    answer text NOT NULL DEFAULT '',
    asked_by uuid NOT NULL REFERENCES login (id) ON DELETE RESTRICT,
    asked_at timestamptz NOT NULL,
    answered_by uuid REFERENCES login (id) ON DELETE RESTRICT,
    answered_at timestamptz,
    CHECK (kind <> 'new' OR (datapoints >= 20 AND months IS NOT NULL AND licence_kind IS NOT NULL)),
    CHECK (kind = 'new' OR account_id IS NOT NULL)
);
CREATE UNIQUE INDEX licence_request_open ON licence_request (account_id, kind) WHERE state = 'pending' AND account_id IS NOT NULL;
CREATE UNIQUE INDEX licence_request_new ON licence_request (lower(account_name)) WHERE state = 'pending' AND kind = 'new';
SELECT protect_tenant_table('licence_request', 'SELECT', 'SELECT, INSERT, UPDATE');

-- One row a reminder that was given: each is given once for a date of expiry.
CREATE TABLE licence_reminder (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    expires_on date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('month_before', 'week_before', 'on_the_day')),
    given_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, expires_on, kind)
);
SELECT protect_tenant_table('licence_reminder', 'SELECT', 'SELECT, INSERT');

-- An approved account begins with its name and nothing else.
CREATE POLICY machine_makes_accounts ON account FOR INSERT TO hofstrom_machine WITH CHECK (true);
GRANT INSERT ON account TO hofstrom_machine;
