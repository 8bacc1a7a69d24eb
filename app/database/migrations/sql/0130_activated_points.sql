-- Who lives at a point that is not activated charges nowhere, so the stations' lists follow the flag.
CREATE TRIGGER billing_point_on_lists AFTER UPDATE OF activated ON billing_point
    FOR EACH ROW WHEN (OLD.activated IS DISTINCT FROM NEW.activated) EXECUTE FUNCTION local_lists_are_old();
