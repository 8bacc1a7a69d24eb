-- Stations send a notification again when its answer is lost.
CREATE UNIQUE INDEX security_event_reported ON security_event (account_id, station_id, kind, at, detail)
    WHERE kind LIKE 'station:%';
