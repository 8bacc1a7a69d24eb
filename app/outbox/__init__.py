"""The only queue: a job is enqueued inside the transaction that changed something, and rolls back with it."""
