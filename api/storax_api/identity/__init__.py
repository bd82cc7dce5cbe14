"""Who calls, and what the token allows: slow-down of failed logins, tokens of sites, revocation."""
