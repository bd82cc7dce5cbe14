"""The site agent: pulls the jobs of one Site, runs them, and reports what became of them."""
