"""How a browser signs in and out."""
