-- Whoever keeps an answer in memory hears at each commit of which account it may be out of date; '': of any.
CREATE FUNCTION tell_series_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('series_changed', CASE WHEN current_user = 'hofstrom_app'
        THEN coalesce(current_setting('hofstrom.account', true), '') ELSE '' END);
    RETURN NULL;
END $$;

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['quarter_day', 'late_day', 'validated_day', 'point_day', 'stale_day', 'stale_share', 'meter', 'meter_link',
                               'meter_term', 'meter_correction', 'occupancy', 'billing_point', 'site', 'validation_scheme'] LOOP
        EXECUTE format('CREATE TRIGGER series_changed AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH STATEMENT'
                       ' EXECUTE FUNCTION tell_series_changed()', one);
    END LOOP;
END $$;
