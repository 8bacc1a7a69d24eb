-- A circuit is a distribution zone. breaker: what feeds it. consumption_meter_id: the meter that sees this zone and nothing
-- else. safe_ma: the most that all cars below may have on a phase while the zone's meters are silent; null: what the worst
-- known load leaves. battery_first: whether the sun fills the battery before the cars.
ALTER TABLE circuit
    ADD COLUMN breaker text NOT NULL DEFAULT '',
    ADD COLUMN consumption_meter_id uuid,
    ADD COLUMN safe_ma int CHECK (safe_ma >= 0),
    ADD COLUMN battery_first boolean NOT NULL DEFAULT false,
    ADD FOREIGN KEY (account_id, consumption_meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT;

-- The meters (DLM) that see what else flows before the zone. rated_ma: their amperage, null until it was entered.
CREATE TABLE circuit_dlm_meter (
    account_id uuid NOT NULL,
    circuit_id uuid NOT NULL,
    meter_id uuid NOT NULL,
    rated_ma int CHECK (rated_ma > 0),
    PRIMARY KEY (account_id, circuit_id, meter_id),
    FOREIGN KEY (account_id, circuit_id) REFERENCES circuit (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, meter_id) REFERENCES meter (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('circuit_dlm_meter', 'SELECT, INSERT, UPDATE, DELETE', 'SELECT');

-- A station may be taken off its circuit again.
GRANT DELETE ON station_wiring TO hofstrom_app;

-- What a battery behind the meter charges with; negative: it gives.
ALTER TABLE circuit_reading ADD COLUMN battery_w int NOT NULL DEFAULT 0;
