-- What a grid operator has estimated, or sent for the time being, is told apart from what was measured.
ALTER TABLE interval_reading ADD COLUMN estimated boolean NOT NULL DEFAULT false;
