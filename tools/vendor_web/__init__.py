"""The files of others that the web page serves: which packages, and how they come into the repository."""
