"""Commands of one round trip, for the common case of a call; any other is left to the ordinary command."""
