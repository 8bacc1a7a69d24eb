-- Counts how often a relay was set anew: the second of two who save at once is told.
ALTER TABLE relay ADD COLUMN version int NOT NULL DEFAULT 1;
