"""Other systems beside Storax: ``home`` installs and runs them, ``inside`` is what runs in their environment."""
