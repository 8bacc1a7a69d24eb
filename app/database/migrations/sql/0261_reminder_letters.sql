-- Each reminder's letter with how it goes to the resident: by e-mail with the letter in it, or on the list of the post or of eBill.
CREATE TABLE reminder_letter (
    account_id uuid NOT NULL,
    reminder_id uuid NOT NULL,
    channel text NOT NULL CHECK (channel IN ('post', 'email', 'ebill')),
    name text NOT NULL,
    street text NOT NULL,
    postcode text NOT NULL,
    city text NOT NULL,
    country char(2) NOT NULL,
    pdf bytea NOT NULL,
    created_at timestamptz NOT NULL,
    handed_over_at timestamptz,
    handed_over_by text,
    PRIMARY KEY (account_id, reminder_id),
    CHECK ((handed_over_at IS NULL) = (handed_over_by IS NULL)),
    FOREIGN KEY (account_id, reminder_id) REFERENCES reminder (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX reminder_letter_waiting ON reminder_letter (account_id, channel) WHERE handed_over_at IS NULL AND channel <> 'email';
SELECT protect_tenant_table('reminder_letter', 'SELECT, INSERT, UPDATE');
