-- Bank account ids from 30000 to 31999 are QR-IBANs: they take money by QR reference and never pay.
CREATE FUNCTION is_qr_iban(iban text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT left(iban, 2) IN ('CH', 'LI') AND substr(iban, 5, 5) BETWEEN '30000' AND '31999' $$;

-- The account that owners are paid from; empty: the one that takes payments, unless that is a QR-IBAN.
ALTER TABLE creditor ADD COLUMN payout_iban text CHECK (payout_iban <> '' AND NOT is_qr_iban(payout_iban));
