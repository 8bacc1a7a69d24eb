-- What a grid operator asks for a kWh, all told and with VAT, from day to day: one price, or a high and a low one. person_id is the
-- grid operator as it is named among the stakeholders of sites. source: the sheet or the page that the figures were read from.
CREATE TABLE grid_price (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    person_id uuid NOT NULL,
    period daterange NOT NULL CHECK (NOT isempty(period) AND NOT lower_inf(period)),
    single numeric(12, 6) CHECK (single >= 0),
    high numeric(12, 6) CHECK (high >= 0),
    low numeric(12, 6) CHECK (low >= 0),
    source text NOT NULL DEFAULT '',
    entered_at timestamptz NOT NULL,
    entered_by text NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK ((single IS NULL) = (high IS NOT NULL) AND (high IS NULL) = (low IS NULL)),
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT,
    EXCLUDE USING gist (account_id WITH =, person_id WITH =, period WITH &&)
);
SELECT protect_tenant_table('grid_price', 'SELECT, INSERT, UPDATE, DELETE');
