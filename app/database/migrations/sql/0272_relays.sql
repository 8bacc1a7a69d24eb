-- What an output of a relay module switches, and when. outputs: of the module; a heater of three phases has three, one a phase.
-- periods: JSON. by_hand: what somebody has switched in the mode "manual". phases, on_since, reason, decided_at: what was decided
-- last; told_at: when its gateway came for it last.
CREATE TABLE relay (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    device_id uuid NOT NULL,
    outputs int[] NOT NULL CHECK (array_length(outputs, 1) IN (1, 3) AND outputs <@ '{1,2,3,4}'),
    name text NOT NULL CHECK (name <> '' AND length(name) <= 80),
    kind text NOT NULL CHECK (kind IN ('plain', 'sg_ready', 'heater3')),
    mode text NOT NULL CHECK (mode IN ('solar', 'solar_timer', 'timer', 'on', 'off', 'manual')),
    power_w int NOT NULL CHECK (power_w BETWEEN 0 AND 100000),
    min_on_min int NOT NULL DEFAULT 0 CHECK (min_on_min BETWEEN 0 AND 1440),
    neutral boolean NOT NULL DEFAULT true,
    periods text NOT NULL DEFAULT '[]',
    priority int NOT NULL DEFAULT 0,
    by_hand boolean NOT NULL DEFAULT false,
    phases int NOT NULL DEFAULT 0 CHECK (phases BETWEEN 0 AND 3),
    on_since timestamptz,
    reason text NOT NULL DEFAULT '',
    decided_at timestamptz,
    told_at timestamptz,
    PRIMARY KEY (account_id, id),
    CHECK ((kind = 'heater3') = (array_length(outputs, 1) = 3)),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, device_id) REFERENCES device (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX relay_site ON relay (account_id, site_id);
SELECT protect_tenant_table('relay', 'SELECT, INSERT, UPDATE, DELETE', 'SELECT');
