-- What an installer orders for a site. It is confirmed by mail within two days and delivered within fifteen; terms_version is that of the
-- general terms of sale which the person had accepted (terms_acceptance).
CREATE TABLE hardware_order (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    ordered_at timestamptz NOT NULL,
    ordered_by uuid NOT NULL REFERENCES login (id) ON DELETE RESTRICT,
    ordered_by_name text NOT NULL,
    terms_version text NOT NULL,
    comment text NOT NULL DEFAULT '',
    confirm_by timestamptz NOT NULL,
    confirmed_at timestamptz,
    deliver_by date NOT NULL,
    delivered_on date,
    cancelled_at timestamptz,
    answered_by text,
    reason text NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, id),
    CHECK (cancelled_at IS NULL OR delivered_on IS NULL),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX hardware_order_site ON hardware_order (account_id, site_id, ordered_at);
SELECT protect_tenant_table('hardware_order', 'SELECT, INSERT, UPDATE');

CREATE TABLE hardware_order_line (
    account_id uuid NOT NULL,
    order_id uuid NOT NULL,
    position int NOT NULL,
    article text NOT NULL CHECK (article <> ''),
    quantity int NOT NULL CHECK (quantity BETWEEN 1 AND 999),
    PRIMARY KEY (account_id, order_id, position),
    FOREIGN KEY (account_id, order_id) REFERENCES hardware_order (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('hardware_order_line', 'SELECT, INSERT');
