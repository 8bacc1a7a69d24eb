-- What the grid operator takes for a kWh at a building from a day on: the whole price without VAT. one is the single price, or
-- high and low with their hours. A house's own prices begin with these.
CREATE TABLE grid_price (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    building_id uuid NOT NULL,
    valid_from date NOT NULL,
    operator text NOT NULL DEFAULT '',
    one numeric(14, 6) CHECK (one >= 0),
    high numeric(14, 6) CHECK (high >= 0),
    low numeric(14, 6) CHECK (low >= 0),
    high_hours text NOT NULL DEFAULT '[]',
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, building_id, valid_from),
    CHECK ((one IS NULL) = (high IS NOT NULL AND low IS NOT NULL)),
    FOREIGN KEY (account_id, building_id) REFERENCES building (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('grid_price', 'SELECT, INSERT, UPDATE');
