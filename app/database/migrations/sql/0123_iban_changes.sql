-- Another account for money that goes out: entered by one, confirmed by another, and only then in force. asked_by NULL: the owner's form.
CREATE TABLE iban_change (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    person_id uuid NOT NULL,
    iban text NOT NULL,
    asked_by uuid REFERENCES login (id) ON DELETE RESTRICT,
    asked_by_name text NOT NULL,
    asked_at timestamptz NOT NULL,
    confirmed_by uuid REFERENCES login (id) ON DELETE RESTRICT,
    confirmed_at timestamptz,
    withdrawn_at timestamptz,
    PRIMARY KEY (account_id, id),
    CHECK (confirmed_by IS DISTINCT FROM asked_by OR confirmed_by IS NULL),
    CHECK (confirmed_at IS NULL OR withdrawn_at IS NULL),
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX iban_change_open ON iban_change (account_id, person_id) WHERE confirmed_at IS NULL AND withdrawn_at IS NULL;
SELECT protect_tenant_table('iban_change', 'SELECT, INSERT, UPDATE');

-- Where somebody lives or has their seat, if bills go to another address.
ALTER TABLE person ADD COLUMN postal_address text NOT NULL DEFAULT '';
