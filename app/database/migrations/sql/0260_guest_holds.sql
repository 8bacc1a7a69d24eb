-- A guest's hold ends: a start that comes after it was given free is refused, and what was charged all the same is paid by a page of
-- its own. withdrawn_at: whoever asked no longer wants the start; its tag opens nothing from then on.
ALTER TABLE charge_request ADD COLUMN withdrawn_at timestamptz;

-- pay_ref: Stripe's page where an amount is paid that no hold covers any more. looked_at: when Stripe was last asked about the card.
-- The address for Stripe's own receipt goes to Stripe alone: it is not kept here.
ALTER TABLE guest_charge DROP COLUMN email, ADD COLUMN pay_ref text, ADD COLUMN looked_at timestamptz;
ALTER TABLE guest_charge DROP CONSTRAINT guest_charge_state_check, ADD CONSTRAINT guest_charge_state_check
    CHECK (state IN ('asked', 'starting', 'charging', 'due', 'unpaid', 'paid', 'release_due', 'released'));
