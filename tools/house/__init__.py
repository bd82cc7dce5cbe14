"""The measures that this code base is held to, and where it exceeds them."""
