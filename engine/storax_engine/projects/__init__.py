"""Open projects: their data frames, pipelines and remote runs."""
