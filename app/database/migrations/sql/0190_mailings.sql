-- How each bill goes to its resident, as chosen when it was issued: a later choice is for later bills.
-- chosen: what the resident had chosen; channel: how it goes (the first bill goes by post whatever is chosen). fee_minor: without VAT.
CREATE TABLE mailing (
    account_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    chosen text NOT NULL CHECK (chosen IN ('post', 'email', 'ebill')),
    channel text NOT NULL CHECK (channel IN ('post', 'email', 'ebill')),
    fee_minor bigint NOT NULL CHECK (fee_minor >= 0),
    created_at timestamptz NOT NULL,
    handed_over_at timestamptz,
    handed_over_by text,
    PRIMARY KEY (account_id, invoice_id),
    CHECK (fee_minor = 0 OR channel = 'post'),
    CHECK ((handed_over_at IS NULL) = (handed_over_by IS NULL)),
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX mailing_waiting ON mailing (account_id, channel) WHERE handed_over_at IS NULL AND channel <> 'email';
SELECT protect_tenant_table('mailing', 'SELECT, INSERT, UPDATE');

-- A fee for each bill that goes by post.
ALTER TABLE financial_condition DROP CONSTRAINT financial_condition_unit_check, ADD CONSTRAINT financial_condition_unit_check
    CHECK (unit IN ('month', 'billing_point', 'station', 'bill', 'mailing', 'percent_of_turnover'));
