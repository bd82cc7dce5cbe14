"""States, transitions and the rules of both. Pure: no database, no clock."""
