-- What a person has decided about a session. The station's own figures (registers, times, energy) stay beside it:
-- the application role has no right to change them.
ALTER TABLE charging_session
    ADD settled_wh bigint CHECK (settled_wh >= 0),
    ADD settled_from timestamptz,
    ADD settled_to timestamptz,
    ADD settled_at timestamptz,
    ADD settled_reason text,
    ADD CONSTRAINT settled_times_in_order CHECK (settled_to >= settled_from);
REVOKE UPDATE ON charging_session FROM hofstrom_app;
GRANT UPDATE (state, person_id, billing_point_id, stop_asked_at, settled_wh, settled_from, settled_to, settled_at, settled_reason)
    ON charging_session TO hofstrom_app;
REVOKE UPDATE ON quarantine FROM hofstrom_app;
GRANT UPDATE (settled_at) ON quarantine TO hofstrom_app;
CREATE INDEX charging_session_review ON charging_session (account_id, started_at) WHERE state = 'held' OR person_id IS NULL;
CREATE INDEX quarantine_waiting ON quarantine (account_id, received_at) WHERE settled_at IS NULL;

-- Who decided what, when and why, with the state before and after. login_id NULL: from the shell, `by_name` says who.
CREATE TABLE review_action (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    id uuid NOT NULL DEFAULT uuidv7(),
    idempotency_key uuid NOT NULL,
    action text NOT NULL CHECK (action IN ('release', 'correct', 'assign_stop', 'assign_resident', 'discard')),
    session_id uuid,
    quarantine_id uuid,
    reason text NOT NULL CHECK (reason <> ''),
    login_id uuid REFERENCES login (id) ON DELETE RESTRICT,
    by_name text NOT NULL CHECK (by_name <> ''),
    at timestamptz NOT NULL,
    asked jsonb NOT NULL,
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, idempotency_key),
    CHECK (session_id IS NOT NULL OR quarantine_id IS NOT NULL),
    FOREIGN KEY (account_id, session_id) REFERENCES charging_session (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, quarantine_id) REFERENCES quarantine (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX review_action_session ON review_action (account_id, session_id);
CREATE INDEX review_action_quarantine ON review_action (account_id, quarantine_id);
CREATE TRIGGER review_action_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON review_action
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
SELECT protect_tenant_table('review_action', 'SELECT, INSERT', 'SELECT, INSERT');

-- A charge that takes another back: the same figures with the opposite sign. Each charge is taken back once at most.
ALTER TABLE charge ADD corrects uuid;
ALTER TABLE charge ADD FOREIGN KEY (account_id, corrects) REFERENCES charge (account_id, id) ON DELETE RESTRICT;
CREATE UNIQUE INDEX charge_taken_back_once ON charge (account_id, corrects);

-- The energy that is charged is what a person has settled, else what was measured; an entry that has been reversed is
-- no charge any more.
CREATE OR REPLACE VIEW accept_sessions WITH (security_invoker = true) AS
    SELECT st.identity AS station, s.started_at AS start_ts, s.meter_start_wh AS meter_start,
           s.meter_stop_wh AS meter_stop, coalesce(s.settled_wh, s.energy_wh) AS billed_wh,
           (SELECT count(*) FROM ledger_entry e WHERE e.account_id = s.account_id AND e.source_kind = 'session'
                AND e.source_id = s.id AND e.reverses IS NULL AND NOT EXISTS (SELECT 1 FROM ledger_entry r
                    WHERE r.account_id = e.account_id AND r.reverses = e.id)) AS charges
    FROM charging_session s JOIN station st ON st.account_id = s.account_id AND st.id = s.station_id;
CREATE INDEX ledger_entry_reverses ON ledger_entry (account_id, reverses) WHERE reverses IS NOT NULL;
