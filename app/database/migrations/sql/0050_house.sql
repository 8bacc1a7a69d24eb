-- Who changed what, when and why: one line a change, never edited. changes: JSON {field: [before, after]}.
CREATE TABLE audit_entry (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
    id uuid NOT NULL DEFAULT uuidv7(),
    at timestamptz NOT NULL,
    login_id uuid REFERENCES login (id) ON DELETE RESTRICT,
    actor text NOT NULL,
    object_kind text NOT NULL,
    object_id uuid NOT NULL,
    action text NOT NULL,
    reason text NOT NULL DEFAULT '',
    changes text NOT NULL DEFAULT '{}',
    PRIMARY KEY (account_id, id)
);
CREATE INDEX audit_entry_object ON audit_entry (account_id, object_kind, object_id, id);
CREATE TRIGGER audit_entry_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
SELECT protect_tenant_table('audit_entry', 'SELECT, INSERT', 'INSERT');

-- version: raised by every change, so that of two people who save the same object the second is told.
ALTER TABLE site
    ADD COLUMN version int NOT NULL DEFAULT 1,
    ADD COLUMN reference text NOT NULL DEFAULT '',
    ADD COLUMN latitude numeric(9, 6) CHECK (latitude BETWEEN -90 AND 90),
    ADD COLUMN longitude numeric(9, 6) CHECK (longitude BETWEEN -180 AND 180),
    ADD COLUMN kind text NOT NULL DEFAULT 'single' CHECK (kind IN ('single', 'community', 'microgrid')),
    ADD COLUMN status text NOT NULL DEFAULT 'planned'
        CHECK (status IN ('planned', 'installing', 'to_verify', 'in_operation', 'suspended', 'deactivated')),
    ADD COLUMN vat_liable boolean NOT NULL DEFAULT false,
    ADD COLUMN languages text[] NOT NULL DEFAULT ARRAY['de', 'fr', 'it', 'en']
        CHECK (cardinality(languages) > 0 AND languages <@ ARRAY['de', 'fr', 'it', 'en', 'nl']),
    ADD COLUMN share_unit text NOT NULL DEFAULT 'square_metre' CHECK (share_unit IN ('square_metre', 'thousandth')),
    ADD COLUMN billing_from date;
-- What was there before this table knew of it is at work already.
UPDATE site SET status = 'in_operation';
ALTER TABLE site ADD CHECK ((latitude IS NULL) = (longitude IS NULL));

ALTER TABLE building ADD COLUMN version int NOT NULL DEFAULT 1;

-- assignment follows the occupation; a vacancy is an occupancy of the owner and never a point that is not activated.
ALTER TABLE billing_point
    ADD COLUMN version int NOT NULL DEFAULT 1,
    ADD COLUMN assignment text NOT NULL DEFAULT 'rented'
        CHECK (assignment IN ('owner_occupied', 'rented', 'common_area', 'vacant')),
    ADD COLUMN share numeric(12, 3) CHECK (share > 0),
    ADD COLUMN activated boolean NOT NULL DEFAULT true,
    ADD COLUMN consumer_billing boolean NOT NULL DEFAULT true,
    ADD COLUMN expense_statement boolean NOT NULL DEFAULT true,
    ADD COLUMN priority int NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 1000),
    ADD COLUMN since date;
UPDATE billing_point p SET since = coalesce(
    (SELECT min(lower(o.period)) FROM occupancy o WHERE o.account_id = p.account_id AND o.billing_point_id = p.id),
    (SELECT (s.created_at AT TIME ZONE s.time_zone)::date FROM site s WHERE s.account_id = p.account_id AND s.id = p.site_id));
ALTER TABLE billing_point ALTER COLUMN since SET DEFAULT '2000-01-01', ALTER COLUMN since SET NOT NULL;

ALTER TABLE person
    ADD COLUMN version int NOT NULL DEFAULT 1,
    ADD COLUMN phone text NOT NULL DEFAULT '',
    ADD COLUMN correspondence text NOT NULL DEFAULT 'email' CHECK (correspondence IN ('post', 'email', 'ebill')),
    ADD COLUMN erased_at timestamptz,
    ADD COLUMN search text GENERATED ALWAYS AS
        (lower(given_name || ' ' || family_name || ' ' || given_name || ' ' || coalesce(email, ''))) STORED;
CREATE INDEX person_name ON person (account_id, family_name, given_name, id);
UPDATE person SET correspondence = 'post' WHERE email IS NULL;

CREATE TABLE contact (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    person_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    email text CHECK (email LIKE '%_@_%'),
    phone text NOT NULL DEFAULT '',
    role text NOT NULL DEFAULT '',
    version int NOT NULL DEFAULT 1,
    ended_at timestamptz,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX contact_person ON contact (account_id, person_id);
SELECT protect_tenant_table('contact', 'SELECT, INSERT, UPDATE');

-- vacancy: the owner's occupancy of a gap, derived from the others and rebuilt with them; only such a row may go.
ALTER TABLE occupancy ADD COLUMN vacancy boolean NOT NULL DEFAULT false;
CREATE POLICY vacancy_only ON occupancy AS RESTRICTIVE FOR DELETE TO hofstrom_app USING (vacancy);
GRANT DELETE ON occupancy TO hofstrom_app;

-- The monthly advance that each occupant of a point pays towards the yearly statement, dated.
CREATE TABLE default_advance (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    billing_point_id uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    period daterange NOT NULL CHECK (NOT isempty(period)),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, billing_point_id) REFERENCES billing_point (account_id, id) ON DELETE RESTRICT,
    EXCLUDE USING gist (account_id WITH =, billing_point_id WITH =, period WITH &&)
);
SELECT protect_tenant_table('default_advance', 'SELECT, INSERT, UPDATE');

CREATE TABLE site_note (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('note', 'todo', 'issue')),
    text text NOT NULL CHECK (text <> ''),
    assignee_id uuid REFERENCES login (id) ON DELETE RESTRICT,
    due_on date,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    closed_at timestamptz,
    closed_by text,
    resolution text,
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (account_id, id),
    CHECK ((closed_at IS NULL) = (resolution IS NULL) AND (closed_at IS NULL) = (closed_by IS NULL)),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX site_note_site ON site_note (account_id, site_id, created_at);
SELECT protect_tenant_table('site_note', 'SELECT, INSERT, UPDATE');

-- Stakeholders but for the owner, who stands in owner_terms (exactly one at a time).
CREATE TABLE stakeholder (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('proxy', 'installer', 'operator_contact', 'grid_operator')),
    person_id uuid NOT NULL,
    period daterange NOT NULL CHECK (NOT isempty(period)),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT,
    EXCLUDE USING gist (account_id WITH =, site_id WITH =, kind WITH =, person_id WITH =, period WITH &&)
);
SELECT protect_tenant_table('stakeholder', 'SELECT, INSERT, UPDATE');

CREATE TABLE site_solution (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    solution text NOT NULL CHECK (solution IN ('electricity', 'charging', 'heating_water', 'laundry', 'ebike')),
    rhythm text NOT NULL CHECK (rhythm IN ('monthly', 'quarterly', 'yearly')),
    period daterange NOT NULL CHECK (NOT isempty(period)),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    EXCLUDE USING gist (account_id WITH =, site_id WITH =, solution WITH =, period WITH &&)
);
SELECT protect_tenant_table('site_solution', 'SELECT, INSERT, UPDATE');
INSERT INTO site_solution (account_id, site_id, solution, rhythm, period)
    SELECT s.account_id, s.id, 'charging', 'monthly', daterange(
        coalesce((SELECT min(lower(t.period)) FROM tariff t WHERE t.account_id = s.account_id AND t.site_id = s.id),
                 (s.created_at AT TIME ZONE s.time_zone)::date), NULL)
    FROM site s WHERE EXISTS (SELECT 1 FROM station st WHERE st.account_id = s.account_id AND st.site_id = s.id);

-- Who sends bills and collects: the operator, or the owner from individual statements.
CREATE TABLE operating_method (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    method text NOT NULL CHECK (method IN ('operator_bills', 'owner_statements')),
    period daterange NOT NULL CHECK (NOT isempty(period)),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT,
    EXCLUDE USING gist (account_id WITH =, site_id WITH =, period WITH &&)
);
SELECT protect_tenant_table('operating_method', 'SELECT, INSERT, UPDATE');
INSERT INTO operating_method (account_id, site_id, method, period)
    SELECT account_id, id, 'operator_bills', daterange('2000-01-01', NULL) FROM site;

-- The operator's fees. amount: currency units, or per cent of the turnover.
CREATE TABLE financial_condition (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    site_id uuid NOT NULL,
    label text NOT NULL CHECK (label <> ''),
    amount numeric(14, 4) NOT NULL CHECK (amount >= 0),
    unit text NOT NULL CHECK (unit IN ('month', 'billing_point', 'station', 'bill', 'percent_of_turnover')),
    payer text NOT NULL CHECK (payer IN ('resident', 'owner')),
    period daterange NOT NULL CHECK (NOT isempty(period)),
    billed_until date,
    removed_at timestamptz,
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (account_id, id),
    CHECK (unit <> 'percent_of_turnover' OR amount <= 100),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX financial_condition_site ON financial_condition (account_id, site_id);
SELECT protect_tenant_table('financial_condition', 'SELECT, INSERT, UPDATE');

-- The steps of the administrative set-up that no data can prove.
CREATE TABLE site_step (
    account_id uuid NOT NULL,
    site_id uuid NOT NULL,
    step text NOT NULL,
    done_at timestamptz NOT NULL,
    done_by text NOT NULL,
    PRIMARY KEY (account_id, site_id, step),
    FOREIGN KEY (account_id, site_id) REFERENCES site (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('site_step', 'SELECT, INSERT');

-- What a resident asks of a badge; the cost stands on the next bill once it is approved.
CREATE TABLE badge_request (
    account_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT uuidv7(),
    person_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('new', 'extra', 'enrol')),
    place text NOT NULL DEFAULT '',
    technology text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'refused')),
    answer text NOT NULL DEFAULT '',
    badge_id uuid,
    created_at timestamptz NOT NULL,
    answered_at timestamptz,
    answered_by text,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, person_id) REFERENCES person (account_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (account_id, badge_id) REFERENCES badge (account_id, id) ON DELETE RESTRICT
);
CREATE INDEX badge_request_person ON badge_request (account_id, person_id);
SELECT protect_tenant_table('badge_request', 'SELECT, INSERT, UPDATE');

-- A site that was never used may go; what remains of it is its trail. The caller has checked, the foreign keys do so again.
CREATE FUNCTION forget_site(gone uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM site WHERE id = gone AND account_id = current_account()) THEN
        RETURN;
    END IF;
    DELETE FROM site_step WHERE site_id = gone;
    DELETE FROM site_note WHERE site_id = gone;
    DELETE FROM stakeholder WHERE site_id = gone;
    DELETE FROM site_solution WHERE site_id = gone;
    DELETE FROM operating_method WHERE site_id = gone;
    DELETE FROM financial_condition WHERE site_id = gone;
    DELETE FROM owner_terms WHERE site_id = gone;
    DELETE FROM building WHERE site_id = gone;
    DELETE FROM site WHERE id = gone;
END $$;
REVOKE ALL ON FUNCTION forget_site(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_site(uuid) TO hofstrom_app;
