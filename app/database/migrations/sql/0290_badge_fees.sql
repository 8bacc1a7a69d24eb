-- What an extra badge costs its holder, kept on the day of its approval as the site's fee then said. invoice_id: the bill that it is on.
CREATE TABLE badge_fee (
    account_id uuid NOT NULL,
    badge_id uuid NOT NULL,
    person_id uuid NOT NULL,
    site_id uuid NOT NULL,
    condition_id uuid NOT NULL,
    label text NOT NULL CHECK (label <> ''),
    net_minor bigint NOT NULL CHECK (net_minor > 0),
    ordered_on date NOT NULL,
    invoice_id uuid,
    PRIMARY KEY (account_id, badge_id),
    FOREIGN KEY (account_id, badge_id) REFERENCES badge (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, condition_id) REFERENCES financial_condition (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX badge_fee_open ON badge_fee (account_id, person_id) WHERE invoice_id IS NULL;
SELECT protect_tenant_table('badge_fee', 'SELECT, INSERT, UPDATE');

-- A fee for each extra badge.
ALTER TABLE financial_condition DROP CONSTRAINT financial_condition_unit_check, ADD CONSTRAINT financial_condition_unit_check
    CHECK (unit IN ('month', 'billing_point', 'station', 'bill', 'monthly_bill', 'mailing', 'badge', 'percent_of_turnover'));
