-- The owner's forms of a site: one link at a time, drafts kept by version, applied when all three are sent.
CREATE TABLE site_form (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    token_hash bytea NOT NULL UNIQUE,
    recipient text NOT NULL CHECK (recipient LIKE '%_@_%'),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    contact text,
    solutions text,
    rates text,
    version int NOT NULL DEFAULT 1,
    sent_at timestamptz,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX site_form_site ON site_form (account_id, site_id, created_at);
SELECT protect_tenant_table('site_form', 'SELECT, INSERT, UPDATE', 'SELECT');

-- Terms that were shown and accepted, and applications of installers for an account.
CREATE TABLE terms_acceptance (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    login_id uuid NOT NULL REFERENCES login (id) ON DELETE RESTRICT,
    terms_version text NOT NULL,
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, login_id, terms_version)
);
SELECT protect_tenant_table('terms_acceptance', 'SELECT, INSERT');
