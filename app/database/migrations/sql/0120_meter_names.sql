-- What owner and operator call a meter; everything else about it is the installer's.
ALTER TABLE meter
    ADD COLUMN name text NOT NULL DEFAULT '' CHECK (length(name) <= 80),
    ADD COLUMN version int NOT NULL DEFAULT 1;
GRANT UPDATE (name, version) ON meter TO hofstrom_app;
