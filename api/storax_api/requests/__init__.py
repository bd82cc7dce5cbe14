"""What a call says: its parameters and its body, checked."""
