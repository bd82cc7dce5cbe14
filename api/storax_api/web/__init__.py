"""The web page at ``/ui/``: server-rendered pages over the same queries and commands as the REST routes."""
