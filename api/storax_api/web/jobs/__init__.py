"""Which jobs: the list, its filters, what is done to those that are selected, and their export."""
