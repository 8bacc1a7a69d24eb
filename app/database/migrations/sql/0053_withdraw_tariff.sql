-- Prices that have not begun and priced nothing may be taken back; those before them go on. Returns whether it did.
CREATE FUNCTION withdraw_tariff(gone uuid, today date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    mine tariff;
BEGIN
    SELECT * INTO mine FROM tariff WHERE id = gone AND account_id = current_account() AND lower(period) > today FOR UPDATE;
    IF NOT FOUND OR EXISTS (SELECT 1 FROM charge WHERE account_id = mine.account_id AND tariff_id = gone) THEN
        RETURN false;
    END IF;
    DELETE FROM tariff_component WHERE account_id = mine.account_id AND tariff_id = gone;
    DELETE FROM tariff WHERE account_id = mine.account_id AND id = gone;
    UPDATE tariff SET period = daterange(lower(period), upper(mine.period))
        WHERE account_id = mine.account_id AND site_id = mine.site_id AND upper(period) = lower(mine.period);
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION withdraw_tariff(uuid, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION withdraw_tariff(uuid, date) TO hofstrom_app;
