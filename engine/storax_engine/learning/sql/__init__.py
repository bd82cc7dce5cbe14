"""The same features as SQL: Ibis expressions from the same descriptions, written in any dialect."""
