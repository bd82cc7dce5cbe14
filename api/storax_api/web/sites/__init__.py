"""Sites: whether their agents work, what they have to do, and their allocations."""
