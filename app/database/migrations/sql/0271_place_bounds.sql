-- What an operator has limited by hand at a place (connector 0: at the whole station): a further bound, which load balancing keeps.
-- intent: the profile as it was asked, of amperes a phase over time. session_id: of which charge it is, null: of every one.
CREATE TABLE place_bound (
    account_id uuid NOT NULL,
    station_id uuid NOT NULL,
    connector_no int NOT NULL,
    profile_id int NOT NULL,
    session_id uuid,
    intent text NOT NULL,
    set_at timestamptz NOT NULL,
    set_by uuid,
    PRIMARY KEY (account_id, station_id, connector_no, profile_id),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, session_id) REFERENCES charging_session (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('place_bound', 'SELECT, INSERT, UPDATE, DELETE', 'SELECT');
