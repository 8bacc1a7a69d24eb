-- Everything that is installed besides gateways, meters and stations. serial: in capitals, '' where there is none.
-- address: where it is found on its bus or network. installed_on: of PV and batteries the day they went to work.
-- uplink and sim: a router's way out. keypad: whether a reader has one. meter_id: what measures PV or a battery.
CREATE TABLE device (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('router', 'rs485_converter', 'mbus_converter', 'switch', 'access_point', 'relay_module', 'reader',
                                       'pv', 'battery')),
    building_id uuid,
    gateway_id uuid,
    meter_id uuid,
    name text NOT NULL DEFAULT '' CHECK (length(name) <= 80),
    place text NOT NULL DEFAULT '' CHECK (length(place) <= 80),
    serial text NOT NULL DEFAULT '' CHECK (serial = '' OR serial ~ '^[A-Z0-9][A-Z0-9./-]{2,39}$'),
    model text NOT NULL DEFAULT '' CHECK (length(model) <= 80),
    address text NOT NULL DEFAULT '' CHECK (length(address) <= 80),
    installed_on date,
    removed_on date CHECK (removed_on >= installed_on),
    uplink text CHECK (uplink IN ('lan', '4g')),
    sim text CHECK (sim ~ '^[0-9]{18,22}$'),
    keypad boolean,
    peak_w bigint CHECK (peak_w > 0),
    inverter text NOT NULL DEFAULT '' CHECK (length(inverter) <= 80),
    usable_wh bigint CHECK (usable_wh > 0),
    charge_w bigint CHECK (charge_w > 0),
    discharge_w bigint CHECK (discharge_w > 0),
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (account_id, id),
    CHECK ((kind = 'router') = (uplink IS NOT NULL)),
    CHECK ((sim IS NOT NULL) = (uplink IS NOT DISTINCT FROM '4g')),
    CHECK ((kind = 'reader') = (keypad IS NOT NULL)),
    CHECK ((kind = 'pv') = (peak_w IS NOT NULL)),
    CHECK ((kind = 'battery') = (usable_wh IS NOT NULL AND charge_w IS NOT NULL AND discharge_w IS NOT NULL)),
    CHECK (meter_id IS NULL OR kind IN ('pv', 'battery')),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, building_id) REFERENCES building (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, gateway_id) REFERENCES gateway (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX device_serial ON device (account_id, kind, serial) WHERE serial <> '';
CREATE UNIQUE INDEX device_sim ON device (account_id, sim) WHERE sim IS NOT NULL AND removed_on IS NULL;
CREATE INDEX device_site ON device (account_id, site_id);
SELECT protect_tenant_table('device', 'SELECT, INSERT, UPDATE', 'SELECT');

-- The four outputs of a relay module: what stands on each and what it switches.
CREATE TABLE device_output (
    account_id uuid NOT NULL,
    device_id uuid NOT NULL,
    position int NOT NULL CHECK (position BETWEEN 1 AND 4),
    label text NOT NULL DEFAULT '' CHECK (length(label) <= 80),
    drives text NOT NULL CHECK (drives IN ('nothing', 'heat_pump', 'water_heater', 'washing_machine', 'dryer', 'ebike_socket', 'other')),
    PRIMARY KEY (account_id, device_id, position),
    CHECK (drives = 'nothing' OR label <> ''),
    FOREIGN KEY (account_id, device_id) REFERENCES device (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('device_output', 'SELECT, INSERT, UPDATE, DELETE', 'SELECT');

-- What a reader switches: a relay meter, or an output of a relay module. socket: the number that is typed on the keypad;
-- 0: a reader without one, which switches one thing.
CREATE TABLE reader_target (
    account_id uuid NOT NULL,
    reader_id uuid NOT NULL,
    socket int NOT NULL CHECK (socket BETWEEN 0 AND 99),
    meter_id uuid,
    module_id uuid,
    output int,
    PRIMARY KEY (account_id, reader_id, socket),
    CHECK ((meter_id IS NULL) <> (module_id IS NULL) AND (module_id IS NULL) = (output IS NULL)),
    FOREIGN KEY (account_id, reader_id) REFERENCES device (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, module_id, output) REFERENCES device_output (account_id, device_id, position) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX reader_target_meter ON reader_target (account_id, meter_id) WHERE meter_id IS NOT NULL;
CREATE UNIQUE INDEX reader_target_output ON reader_target (account_id, module_id, output) WHERE module_id IS NOT NULL;
SELECT protect_tenant_table('reader_target', 'SELECT, INSERT, UPDATE, DELETE', 'SELECT');

-- address: where a meter on a network (Wi-Fi) is found, in place of a bus address. relay: it switches what it measures;
-- led: which is shown at the socket. metering_code: the grid operator's name for the point that its files are about.
ALTER TABLE meter
    ADD COLUMN building_id uuid,
    ADD COLUMN address text NOT NULL DEFAULT '' CHECK (length(address) <= 80),
    ADD COLUMN relay boolean NOT NULL DEFAULT false,
    ADD COLUMN led boolean NOT NULL DEFAULT false,
    ADD COLUMN metering_code text CHECK (metering_code ~ '^[A-Z0-9]{10,40}$'),
    ADD CHECK (NOT led OR relay),
    ADD CHECK (NOT relay OR (medium = 'electricity' AND source = 'physical')),
    ADD CHECK (metering_code IS NULL OR source = 'dso'),
    ADD FOREIGN KEY (account_id, building_id) REFERENCES building (account_id, id) ON DELETE RESTRICT;
CREATE UNIQUE INDEX meter_code ON meter (account_id, metering_code) WHERE metering_code IS NOT NULL AND removed_on IS NULL;
CREATE UNIQUE INDEX meter_on_network ON meter (account_id, gateway_id, address) WHERE removed_on IS NULL AND address <> '';
GRANT UPDATE (medium, source, building_id, address, relay, led, metering_code) ON meter TO hofstrom_app;

-- make: what a station is entered as. gateway_id: through which gateway of the house it comes; remote: straight to the platform,
-- with no gateway on the site and no load management there.
ALTER TABLE station
    ADD COLUMN make text NOT NULL DEFAULT 'ocpp' CHECK (make IN ('ocpp', 'abb_terra')),
    ADD COLUMN building_id uuid,
    ADD COLUMN gateway_id uuid,
    ADD COLUMN remote boolean NOT NULL DEFAULT false,
    ADD COLUMN version int NOT NULL DEFAULT 1,
    ADD CHECK (NOT remote OR gateway_id IS NULL),
    ADD FOREIGN KEY (account_id, building_id) REFERENCES building (account_id, id) ON DELETE RESTRICT,
    ADD FOREIGN KEY (account_id, gateway_id) REFERENCES gateway (account_id, id) ON DELETE RESTRICT;
