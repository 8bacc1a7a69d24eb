-- What an installer enters about a device, photographs of it, and the outcome of meter checks. kind and object_id: a device,
-- gateway, meter or station of the site. ids are made by the phone: what is sent twice is stored once.
-- taken_at: when it was entered, perhaps in a basement without a network; received_at: when it came in.
CREATE TABLE install_entry (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    site_id uuid NOT NULL,
    object_id uuid NOT NULL,
    facts jsonb NOT NULL,
    taken_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    entered_by text NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX install_entry_site ON install_entry (account_id, site_id, taken_at);
SELECT protect_tenant_table('install_entry', 'SELECT, INSERT');

-- body: a JPEG that we have encoded ourselves, so nothing is in it but the picture.
CREATE TABLE install_photo (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    site_id uuid NOT NULL,
    object_id uuid NOT NULL,
    taken_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    taken_by text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    body bytea NOT NULL CHECK (length(body) <= 2000000),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
ALTER TABLE install_photo ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX install_photo_site ON install_photo (account_id, site_id, taken_at);
SELECT protect_tenant_table('install_photo', 'SELECT, INSERT, DELETE');

-- The checks of a meter at a time, and whether it passed them all.
CREATE TABLE meter_check (
    account_id uuid NOT NULL,
    meter_id uuid NOT NULL,
    checked_at timestamptz NOT NULL,
    checked_by text NOT NULL,
    passed boolean NOT NULL,
    outcomes jsonb NOT NULL,
    PRIMARY KEY (account_id, meter_id, checked_at),
    FOREIGN KEY (account_id, meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('meter_check', 'SELECT, INSERT');

-- The addresses that answered when a gateway searched its bus last.
CREATE TABLE bus_scan (
    account_id uuid NOT NULL,
    site_id uuid NOT NULL,
    gateway_id uuid NOT NULL,
    bus text NOT NULL CHECK (bus IN ('modbus', 'mbus')),
    scanned_at timestamptz NOT NULL,
    addresses int[] NOT NULL,
    PRIMARY KEY (account_id, gateway_id, bus),
    FOREIGN KEY (account_id, gateway_id) REFERENCES gateway (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('bus_scan', 'SELECT, INSERT, UPDATE');
