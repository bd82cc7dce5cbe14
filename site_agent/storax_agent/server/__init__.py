"""What the agent says to the server, and the token it says it with."""
