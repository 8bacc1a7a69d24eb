-- A fee for each bill of electricity where the house is billed monthly instead of quarterly.
ALTER TABLE financial_condition DROP CONSTRAINT financial_condition_unit_check, ADD CONSTRAINT financial_condition_unit_check
    CHECK (unit IN ('month', 'billing_point', 'station', 'bill', 'monthly_bill', 'mailing', 'percent_of_turnover'));
