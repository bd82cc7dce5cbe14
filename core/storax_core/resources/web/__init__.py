"""What the web page keeps for its users."""
