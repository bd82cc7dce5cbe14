"""The connections of a client to its server."""
