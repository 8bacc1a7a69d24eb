-- Rows whose figures move all day: with room in their page an update touches no index.
ALTER TABLE charging_session SET (fillfactor = 60);
ALTER TABLE connector SET (fillfactor = 60);
ALTER TABLE station SET (fillfactor = 60);
