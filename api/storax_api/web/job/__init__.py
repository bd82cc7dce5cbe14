"""What about this job: its state and why, its attempts, what it wrote, its files, parents, children and events."""
