"""What the client must know of job states by heart."""

# The states that end a job's life.
FINAL = ("JOB_FINISHED", "FAILED")
