-- Staff reach a gateway for a while, with a reason; what they ask is fetched by the gateway itself, over a way that it opens.
CREATE TABLE gateway_access (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    token_id uuid NOT NULL,
    login_id uuid NOT NULL,
    by text NOT NULL,
    reason text NOT NULL CHECK (reason <> '' AND length(reason) <= 400),
    opened_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > opened_at),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, token_id) REFERENCES gateway_token (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX gateway_access_token ON gateway_access (account_id, token_id, opened_at);
SELECT protect_tenant_table('gateway_access', 'SELECT, INSERT', 'SELECT');
GRANT UPDATE (ends_at) ON gateway_access TO hofstrom_app;

-- state: queued, sent (the gateway has it), answered. What nobody has fetched when the access ends is never done.
CREATE TABLE gateway_ask (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    access_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('status', 'page', 'restart')),
    address text,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'answered')),
    asked_at timestamptz NOT NULL,
    sent_at timestamptz,
    answered_at timestamptz,
    answer text CHECK (length(answer) <= 70000),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, access_id) REFERENCES gateway_access (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX gateway_ask_waiting ON gateway_ask (account_id, access_id) WHERE state = 'queued';
SELECT protect_tenant_table('gateway_ask', 'SELECT, INSERT', 'SELECT');
GRANT UPDATE (state, sent_at, answered_at, answer) ON gateway_ask TO hofstrom_machine;
