-- Whether something overlaps a session or came after it is asked at every start and stop, of a place with years of history.
CREATE INDEX charging_session_place_stopped ON charging_session (account_id, station_id, connector_no, stopped_at);
