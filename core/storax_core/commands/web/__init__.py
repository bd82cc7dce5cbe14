"""Rules of what the web page keeps for its users."""
