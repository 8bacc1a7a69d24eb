-- The timetable settles a quarantined stop when it has found the one session that it can mean.
GRANT UPDATE ON quarantine TO hofstrom_machine;
