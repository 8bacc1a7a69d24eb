"""Owner revenue, reimbursement, transfer."""
