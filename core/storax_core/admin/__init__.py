"""What an operator does: migrate, verify, rebuild, back up."""
