-- One row a monitored variable: what licences count. A device has one row for each of its variables, whatever their resolutions.
GRANT SELECT (account_id, id) ON meter TO hofstrom_machine;
CREATE POLICY machine_counts ON meter FOR SELECT TO hofstrom_machine USING (true);
CREATE VIEW monitored_variable WITH (security_invoker = true) AS
SELECT c.account_id, 'connector ' || c.station_id || ' ' || c.number AS device, v.name, 'sent_in' AS kind
FROM connector c CROSS JOIN (VALUES ('energy'), ('power')) AS v (name)
UNION ALL
SELECT m.account_id, 'meter ' || m.id, 'energy', 'sent_in' FROM meter m
UNION ALL
SELECT r.account_id, 'circuit ' || r.circuit_id, v.name, 'sent_in'
FROM circuit_reading r CROSS JOIN (VALUES ('current_l1'), ('current_l2'), ('current_l3')) AS v (name)
UNION ALL
SELECT s.account_id, 'site ' || s.id, v.name, 'location'
FROM site s CROSS JOIN (VALUES ('latitude'), ('longitude')) AS v (name) WHERE s.latitude IS NOT NULL;
GRANT SELECT ON monitored_variable TO hofstrom_app, hofstrom_machine;
