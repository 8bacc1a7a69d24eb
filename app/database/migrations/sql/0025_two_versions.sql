-- pinned_version: what is chosen where a station offers several; NULL: the newest.
ALTER TABLE station ADD COLUMN pinned_version text CHECK (pinned_version IN ('ocpp1.6', 'ocpp2.0.1'));

-- transaction_ref: the name that a station of OCPP 2.0.1 gives its transaction; NULL in 1.6, where the number is ours.
ALTER TABLE charging_session ADD COLUMN transaction_ref text CHECK (length(transaction_ref) BETWEEN 1 AND 255);
CREATE UNIQUE INDEX charging_session_ref ON charging_session (account_id, station_id, transaction_ref)
    WHERE transaction_ref IS NOT NULL;

-- In 1.6 a start is the same by its content; in 2.0.1 the station's own name decides.
DROP INDEX charging_session_start;
CREATE UNIQUE INDEX charging_session_start ON charging_session
    (account_id, station_id, connector_no, started_at, meter_start_wh, tag_hash) WHERE transaction_ref IS NULL;
