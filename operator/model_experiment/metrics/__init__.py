"""Counted things, read from Prometheus: a port, its answers, and a ledger that no restart can falsify."""
