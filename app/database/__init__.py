"""The database: one engine a process, three roles, transactions that carry an account, migrations."""
