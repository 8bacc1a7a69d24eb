-- Whose token it is: a gateway's among the devices that are installed, or that of a third party's system; and what an MQTT broker
-- holds the token against (PBKDF2 of a random token).
ALTER TABLE gateway_token
    ADD COLUMN gateway_id uuid,
    ADD COLUMN third_party boolean NOT NULL DEFAULT false CHECK (NOT third_party OR gateway_id IS NULL),
    ADD COLUMN broker_hash text CHECK (broker_hash ~ '^[!-~]+$'),
    ADD FOREIGN KEY (account_id, gateway_id) REFERENCES gateway (account_id, id) ON DELETE RESTRICT;
CREATE INDEX gateway_token_gateway ON gateway_token (account_id, gateway_id);
