"""A transfer service in a process of its own, for libraries that the agent shall not hold in memory."""
