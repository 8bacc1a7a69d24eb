-- What stations show of prices: the text of a site's prices, in the site's first language, as it is in force today; and of
-- a session the last cost that its station was told (minor units, VAT included).
CREATE TABLE site_price_text (
    account_id uuid NOT NULL,
    site_id uuid NOT NULL,
    language text NOT NULL,
    said text NOT NULL CHECK (length(said) <= 512),
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, site_id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE CASCADE
);
SELECT protect_tenant_table('site_price_text', 'SELECT, INSERT, UPDATE, DELETE', 'SELECT');
ALTER TABLE charging_session ADD COLUMN told_minor bigint;
