"""The spawner: the process that starts jobs, reaps them and outlives the agent."""
