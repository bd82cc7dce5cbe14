"""Answers about one job that REST shares with the web page: why it is in its state, and the jobs around it."""
