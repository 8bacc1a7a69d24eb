-- Rates beyond charging. A solution may have several rates; rate '' is that of every billing point without one of its own.
-- high_hours: the grid operator's high band on the site's clock (JSON), dated with the prices. standard_price is the whole
-- price of a kWh outside the house, the costs are what a kWh costs the operator: the guard compares with them.
ALTER TABLE tariff
    ADD COLUMN solution text NOT NULL DEFAULT 'charging' CHECK (solution IN ('charging', 'electricity')),
    ADD COLUMN rate text NOT NULL DEFAULT '',
    ADD COLUMN high_hours text NOT NULL DEFAULT '[]',
    ADD COLUMN standard_price numeric(14, 6) CHECK (standard_price >= 0),
    ADD COLUMN solar_cost numeric(14, 6) CHECK (solar_cost >= 0),
    ADD COLUMN grid_cost numeric(14, 6) CHECK (grid_cost >= 0),
    ADD CHECK (solution <> 'charging' OR rate = ''),
    DROP CONSTRAINT tariff_account_id_site_id_period_excl,
    ADD EXCLUDE USING gist (account_id WITH =, site_id WITH =, solution WITH =, rate WITH =, period WITH &&);

ALTER TABLE tariff_component
    DROP CONSTRAINT tariff_component_dimension_check,
    ADD CHECK (dimension IN ('kwh', 'minute', 'idle_minute', 'session', 'day', 'month', 'kw')),
    ADD COLUMN origin text NOT NULL DEFAULT 'any' CHECK (origin IN ('any', 'solar', 'grid')),
    ADD COLUMN season_from text CHECK (season_from ~ '^[0-1][0-9]-[0-3][0-9]$'),
    ADD COLUMN season_to text CHECK (season_to ~ '^[0-1][0-9]-[0-3][0-9]$'),
    ADD COLUMN tiers text NOT NULL DEFAULT '[]',
    ADD COLUMN whole_volume boolean NOT NULL DEFAULT false,
    ADD COLUMN vat_rate numeric(6, 4) CHECK (vat_rate BETWEEN 0 AND 1),
    ADD COLUMN label text NOT NULL DEFAULT '',
    ADD COLUMN creditor_id uuid,
    ADD CHECK ((season_from IS NULL) = (season_to IS NULL)),
    ADD FOREIGN KEY (account_id, creditor_id) REFERENCES creditor (account_id, id) ON DELETE RESTRICT;

-- The rate of a billing point, dated; without a row it is the rate ''.
CREATE TABLE point_rate (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    billing_point_id uuid NOT NULL,
    solution text NOT NULL CHECK (solution IN ('electricity')),
    rate text NOT NULL,
    period daterange NOT NULL CHECK (NOT isempty(period)),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, billing_point_id) REFERENCES billing_point (account_id, id) ON DELETE RESTRICT,
    EXCLUDE USING gist (account_id WITH =, billing_point_id WITH =, solution WITH =, period WITH &&)
);
SELECT protect_tenant_table('point_rate', 'SELECT, INSERT, UPDATE');

-- A site's own words for the positions of its bills; printed on bills that are issued after the change.
CREATE TABLE position_label (
    account_id uuid NOT NULL,
    site_id uuid NOT NULL,
    position_key text NOT NULL CHECK (position_key <> ''),
    locale text NOT NULL CHECK (locale IN ('de', 'fr', 'it', 'en', 'nl')),
    label text NOT NULL CHECK (label <> ''),
    PRIMARY KEY (account_id, site_id, position_key, locale),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('position_label', 'SELECT, INSERT, UPDATE, DELETE');

CREATE OR REPLACE FUNCTION withdraw_tariff(gone uuid, today date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    mine tariff;
BEGIN
    SELECT * INTO mine FROM tariff WHERE id = gone AND account_id = current_account() AND lower(period) > today FOR UPDATE;
    IF NOT FOUND OR EXISTS (SELECT 1 FROM charge WHERE account_id = mine.account_id AND tariff_id = gone) THEN
        RETURN false;
    END IF;
    DELETE FROM tariff_component WHERE account_id = mine.account_id AND tariff_id = gone;
    DELETE FROM tariff WHERE account_id = mine.account_id AND id = gone;
    UPDATE tariff SET period = daterange(lower(period), upper(mine.period))
        WHERE account_id = mine.account_id AND site_id = mine.site_id AND solution = mine.solution AND rate = mine.rate
            AND upper(period) = lower(mine.period);
    RETURN true;
END $$;
