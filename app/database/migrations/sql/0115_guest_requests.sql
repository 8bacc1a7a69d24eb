-- A guest's wish to charge: nobody who lives here, so no person and no flat. guest_id: what the guest's own link or cookie
-- stands for, known to whoever takes the money; its class is external from the beginning.
ALTER TABLE charge_request
    ALTER person_id DROP NOT NULL,
    ALTER billing_point_id DROP NOT NULL,
    ADD guest_id uuid,
    ADD CHECK ((person_id IS NULL) = (guest_id IS NOT NULL)),
    ADD CHECK ((person_id IS NULL) = (billing_point_id IS NULL)),
    ADD CHECK (guest_id IS NULL OR class = 'external');
CREATE UNIQUE INDEX charge_request_guest ON charge_request (account_id, guest_id, idempotency_key) WHERE guest_id IS NOT NULL;
