"""Keys and values: reads, writes, transactions, batches."""
