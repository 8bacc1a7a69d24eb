-- What all points of a house used on a local day, and what of it was solar: the mix of a place that belongs to no flat.
CREATE TABLE house_day (
    account_id uuid NOT NULL,
    site_id uuid NOT NULL,
    day date NOT NULL,
    used bytea NOT NULL CHECK (length(used) IN (368, 384, 400)),
    solar bytea NOT NULL CHECK (length(solar) = length(used)),
    PRIMARY KEY (account_id, site_id, day),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
ALTER TABLE house_day ALTER COLUMN used SET STORAGE PLAIN, ALTER COLUMN solar SET STORAGE PLAIN;
SELECT protect_tenant_table('house_day', 'SELECT, INSERT, UPDATE');

-- What of a charge was priced as solar; NULL where the prices make no difference between solar and grid.
ALTER TABLE charge ADD COLUMN solar_wh bigint;
