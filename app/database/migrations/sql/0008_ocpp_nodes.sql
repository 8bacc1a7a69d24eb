-- Listening processes with their last sign of life: a node that died leaves no station looking connected.
CREATE TABLE ocpp_node (
    node text PRIMARY KEY,
    seen_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON ocpp_node TO hofstrom_machine;
