"""The loops that ask the scheduler for allocations and follow them."""
