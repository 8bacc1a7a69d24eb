-- Functions that later migrations rely on. Roles and extensions are made by app/database/migrate.py before this runs.

-- The account that the current transaction works for; NULL when none is set ('' after a commit).
CREATE FUNCTION current_account() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('hofstrom.account', true), '')::uuid $$;

-- Force row-level security on a tenant's table: the application role sees one account, the owner (migrations) all,
-- the machine role (station writer, sign-in) only the tables that are named to it.
CREATE FUNCTION protect_tenant_table(table_name text, app_rights text, machine_rights text DEFAULT '') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    scope text := CASE WHEN table_name = 'account' THEN 'id' ELSE 'account_id' END;
    mine text := format('%I = (SELECT current_account())', scope);
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE format('CREATE POLICY owner_all ON %I TO hofstrom_owner USING (true) WITH CHECK (true)', table_name);
    EXECUTE format('CREATE POLICY one_account ON %I TO hofstrom_app USING (%s) WITH CHECK (%s)', table_name, mine, mine);
    EXECUTE format('GRANT %s ON %I TO hofstrom_app', app_rights, table_name);
    IF machine_rights <> '' THEN
        EXECUTE format('CREATE POLICY machine_all ON %I TO hofstrom_machine USING (true) WITH CHECK (true)', table_name);
        EXECUTE format('GRANT %s ON %I TO hofstrom_machine', machine_rights, table_name);
    END IF;
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: write a reversal instead', TG_TABLE_NAME USING ERRCODE = '23001';
END $$;
