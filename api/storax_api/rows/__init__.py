"""What REST and the web page do alike with rows: read one, and change those that match."""
