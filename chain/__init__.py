"""On-chain library: transactions, tokens, node access, indexing. Knows no person and no web framework."""
