"""The servers of a stack: where their programs are, how they are set up, how to ask whether they answer."""
