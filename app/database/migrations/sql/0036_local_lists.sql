-- The UID of a badge, sealed (AES-GCM) for one purpose: stations that are cut off know badges only from lists of UIDs.
ALTER TABLE badge ADD COLUMN uid_sealed bytea CHECK (length(uid_sealed) >= 28);

-- Counts what may change the lists of an account's stations; a list that has seen a lower number is old.
CREATE TABLE local_list_epoch (
    account_id uuid PRIMARY KEY REFERENCES account (id) ON DELETE RESTRICT,
    epoch bigint NOT NULL DEFAULT 1
);
SELECT protect_tenant_table('local_list_epoch', 'SELECT', 'SELECT');

-- The list of a station as it acknowledged it. supported NULL: not asked yet. pending: the command under way.
-- left_out: badges for which the station has no room. asked_settings: what this connection was asked to change.
CREATE TABLE local_list (
    account_id uuid NOT NULL,
    station_id uuid NOT NULL,
    supported boolean,
    reason text,
    max_entries int CHECK (max_entries >= 0),
    max_per_message int NOT NULL DEFAULT 20 CHECK (max_per_message > 0),
    version int NOT NULL DEFAULT 0 CHECK (version >= 0),
    full_needed boolean NOT NULL DEFAULT true,
    checked_connection bigint NOT NULL DEFAULT 0,
    epoch bigint NOT NULL DEFAULT 0,
    computed_on date,
    pending uuid,
    failures int NOT NULL DEFAULT 0,
    retry_at timestamptz,
    left_out int NOT NULL DEFAULT 0,
    asked_settings text[] NOT NULL DEFAULT '{}',
    changed_at timestamptz,
    PRIMARY KEY (account_id, station_id),
    FOREIGN KEY (account_id, station_id) REFERENCES station (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('local_list', 'SELECT', 'SELECT, INSERT, UPDATE');

CREATE TABLE local_list_entry (
    account_id uuid NOT NULL,
    station_id uuid NOT NULL,
    badge_id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('Accepted', 'Blocked')),
    PRIMARY KEY (account_id, station_id, badge_id),
    FOREIGN KEY (account_id, station_id) REFERENCES local_list (account_id, station_id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, badge_id) REFERENCES badge (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('local_list_entry', 'SELECT', 'SELECT, INSERT, UPDATE, DELETE');

-- Whoever changes a badge, an occupancy or whose a place is: the lists follow.
CREATE FUNCTION local_lists_are_old() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO local_list_epoch (account_id, epoch) VALUES (coalesce(NEW.account_id, OLD.account_id), 2)
        ON CONFLICT (account_id) DO UPDATE SET epoch = local_list_epoch.epoch + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER badge_on_lists AFTER INSERT OR DELETE OR UPDATE OF state, valid_from, valid_to, person_id, uid_sealed ON badge
    FOR EACH ROW EXECUTE FUNCTION local_lists_are_old();
CREATE TRIGGER occupancy_on_lists AFTER INSERT OR DELETE OR UPDATE ON occupancy
    FOR EACH ROW EXECUTE FUNCTION local_lists_are_old();
CREATE TRIGGER connector_on_lists AFTER INSERT OR DELETE OR UPDATE OF billing_point_id ON connector
    FOR EACH ROW EXECUTE FUNCTION local_lists_are_old();
