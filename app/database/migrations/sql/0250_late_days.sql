-- Which run bills what came late for a billed day: each late day stands on one run, and one draft at a time carries corrections.
CREATE TABLE late_taken (
    account_id uuid NOT NULL,
    late_id uuid NOT NULL,
    run_id uuid NOT NULL,
    PRIMARY KEY (account_id, late_id),
    FOREIGN KEY (account_id, late_id) REFERENCES late_day (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, run_id) REFERENCES energy_run (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX late_taken_run ON late_taken (account_id, run_id);
SELECT protect_tenant_table('late_taken', 'SELECT, INSERT, DELETE');

-- Set by whoever changes a day of a draft, in the same transaction: no clock tells which of two was first.
ALTER TABLE energy_run ADD COLUMN readings_since boolean NOT NULL DEFAULT false;

-- What bills have taken until now, by the times kept; drafts are made anew.
INSERT INTO late_taken (account_id, late_id, run_id)
SELECT DISTINCT ON (l.account_id, l.id) l.account_id, l.id, n.id FROM late_day l
JOIN meter m ON m.account_id = l.account_id AND m.id = l.meter_id
JOIN energy_run r ON r.account_id = m.account_id AND r.site_id = m.site_id AND r.state = 'issued' AND r.period @> l.day
JOIN energy_run n ON n.account_id = r.account_id AND n.site_id = r.site_id AND n.state = 'issued'
    AND lower(n.period) > lower(r.period) AND n.frozen_at >= l.received_at
ORDER BY l.account_id, l.id, n.frozen_at;
UPDATE energy_run SET readings_since = true WHERE state = 'draft';
