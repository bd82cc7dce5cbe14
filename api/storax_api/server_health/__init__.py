"""What operators see of the server as a whole."""
