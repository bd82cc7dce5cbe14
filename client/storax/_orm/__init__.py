"""Records, fields, queries and managers: a Django-like interface to the rows of any resource."""
