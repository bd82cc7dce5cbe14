"""What of a definition is sent to a site: its command template, or the source that its methods need of the program."""
