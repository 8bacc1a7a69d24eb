-- Bills of a site whose owner collects: an individual statement each. Nothing of it is owed to the operator, or reminded of, or paid out.
CREATE TABLE owner_statement (
    account_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, invoice_id),
    FOREIGN KEY (account_id, invoice_id) REFERENCES invoice (account_id, id) ON DELETE RESTRICT
);
SELECT protect_tenant_table('owner_statement', 'SELECT, INSERT');
