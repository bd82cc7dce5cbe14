"""What REST and the web page do alike with rows: read one, change those that match, and group those that failed."""
