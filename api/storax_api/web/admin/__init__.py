"""Who may call, who changed what, and how the server is."""
