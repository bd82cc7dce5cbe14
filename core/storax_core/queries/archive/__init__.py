"""Reads of archived events: the rows that a query may need are staged for its statements."""
