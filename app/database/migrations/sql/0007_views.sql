-- Read-only views for reconciliation (see README, "Reconciliation").
CREATE VIEW accept_sessions WITH (security_invoker = true) AS
    SELECT st.identity AS station, s.started_at AS start_ts, s.meter_start_wh AS meter_start,
           s.meter_stop_wh AS meter_stop, s.energy_wh AS billed_wh,
           (SELECT count(*) FROM ledger_entry e WHERE e.account_id = s.account_id AND e.source_kind = 'session'
                AND e.source_id = s.id AND e.reverses IS NULL) AS charges
    FROM charging_session s JOIN station st ON st.account_id = s.account_id AND st.id = s.station_id;

CREATE VIEW accept_ledger WITH (security_invoker = true) AS
    SELECT p.entry_id, p.ledger_account AS account, p.account_id AS tenant, p.currency, p.amount_minor, e.source_key
    FROM ledger_posting p JOIN ledger_entry e ON e.account_id = p.account_id AND e.id = p.entry_id;

CREATE VIEW accept_quarantine WITH (security_invoker = true) AS
    SELECT q.id, st.identity AS station, q.received_at, q.kind, q.reason, q.body
    FROM quarantine q JOIN station st ON st.account_id = q.account_id AND st.id = q.station_id;

CREATE VIEW accept_invoices WITH (security_invoker = true) AS
    SELECT i.number, i.account_id AS tenant, i.person_id AS account, i.period_start, i.period_end, i.currency,
           i.net_minor, i.vat_minor, i.gross_minor,
           CASE WHEN paid.minor >= i.gross_minor THEN 'paid' WHEN paid.minor > 0 THEN 'partly_paid' ELSE 'issued' END
               AS status,
           i.pdf_sha256
    FROM invoice i
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount_minor), 0)::bigint AS minor FROM settlement t
                        WHERE t.account_id = i.account_id AND t.invoice_id = i.id) AS paid;
