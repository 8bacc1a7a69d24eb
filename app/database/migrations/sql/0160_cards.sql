-- Payments by card. What is wanted is kept before Stripe is asked; Stripe's own names of it come after, and what became of it
-- is always read from Stripe: a message of Stripe's only says that there is something to read.

CREATE TABLE stored_card (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    person_id uuid NOT NULL,
    state text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'in_use', 'removed')),
    customer_ref text,
    checkout_ref text,
    method_ref text,
    brand text NOT NULL DEFAULT '',
    last4 text NOT NULL DEFAULT '' CHECK (last4 ~ '^([0-9]{4})?$'),
    expires text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX stored_card_person ON stored_card (account_id, person_id);
SELECT protect_tenant_table('stored_card', 'SELECT, INSERT, UPDATE');

-- One attempt to pay a bill; a bill has one that is open at most. card_id: paid with a stored card, without the resident.
CREATE TABLE card_payment (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    invoice_id uuid NOT NULL,
    person_id uuid NOT NULL,
    card_id uuid,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency char(3) NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paid', 'failed')),
    checkout_ref text,
    intent_ref text,
    failure text,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, card_id) REFERENCES stored_card (account_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX card_payment_open ON card_payment (account_id, invoice_id) WHERE state = 'open';
SELECT protect_tenant_table('card_payment', 'SELECT, INSERT, UPDATE');

-- Stripe's messages, each once however often it comes.
CREATE TABLE stripe_event (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    event_id text NOT NULL CHECK (event_id <> ''),
    kind text NOT NULL,
    about text NOT NULL,
    about_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, event_id)
);
SELECT protect_tenant_table('stripe_event', 'SELECT, INSERT');

-- Guests: somebody without a login who charges at a station that takes guests and pays by card.
-- hold_minor: what is held on the card before the start, and the most that the charge costs.
CREATE TABLE guest_station (
    account_id uuid NOT NULL,
    station_id uuid NOT NULL,
    hold_minor bigint NOT NULL CHECK (hold_minor > 0),
    PRIMARY KEY (account_id, station_id),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('guest_station', 'SELECT, INSERT, UPDATE, DELETE');

-- In whose name guests' charges and receipts stand: one entry a account, without anybody's data.
CREATE TABLE guest_person (
    account_id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('guest_person', 'SELECT, INSERT');

ALTER TABLE charge ALTER COLUMN billing_point_id DROP NOT NULL,
    ADD CHECK (billing_point_id IS NOT NULL OR class = 'external');

-- shown: the prices as the guest has seen them (JSON). token_hash: of the link that shows the charge and its receipt.
CREATE TABLE guest_charge (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    idempotency_key uuid NOT NULL,
    public_code text NOT NULL,
    station_id uuid NOT NULL,
    connector_no int NOT NULL,
    tariff_id uuid NOT NULL,
    hold_minor bigint NOT NULL CHECK (hold_minor > 0),
    currency char(3) NOT NULL,
    email text,
    locale text NOT NULL CHECK (locale IN ('de', 'fr', 'it', 'en', 'nl')),
    shown text NOT NULL,
    state text NOT NULL DEFAULT 'asked'
        CHECK (state IN ('asked', 'starting', 'charging', 'due', 'paid', 'release_due', 'released')),
    reason text,
    checkout_ref text,
    intent_ref text,
    request_id uuid,
    invoice_id uuid,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, idempotency_key),
    FOREIGN KEY (account_id, station_id, connector_no) REFERENCES connector (account_id, station_id, number) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, tariff_id) REFERENCES tariff (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, request_id) REFERENCES charge_request (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX guest_charge_request ON guest_charge (account_id, request_id);
CREATE INDEX guest_charge_unfinished ON guest_charge (account_id, state) WHERE state NOT IN ('paid', 'released');
SELECT protect_tenant_table('guest_charge', 'SELECT, INSERT, UPDATE', 'SELECT');

-- A guest's receipt is a bill of kind 'guest'; a day may have many.
DROP INDEX invoice_once;
CREATE UNIQUE INDEX invoice_once ON invoice (account_id, site_id, person_id, kind, period_start, billing_point_id)
    NULLS NOT DISTINCT WHERE corrects_id IS NULL AND kind <> 'guest';
