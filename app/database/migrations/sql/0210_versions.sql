-- Two who change the same last day of a stay, or the same login's language: the second is told.
ALTER TABLE occupancy ADD COLUMN version int NOT NULL DEFAULT 1;
ALTER TABLE login ADD COLUMN version int NOT NULL DEFAULT 1;
-- The same for how a site's stations are wired.
ALTER TABLE site ADD COLUMN wiring_version int NOT NULL DEFAULT 1;
