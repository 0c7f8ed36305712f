"""Custodial ledger library: money, orders, transfers, records and proofs. Knows no web framework."""
