"""What of a Python program is sent to a site with an App: which names its methods read, and how each becomes text."""
