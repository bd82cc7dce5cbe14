"""Windows of jobs' files: a caller asks, the agent of the job's site answers through its long poll."""
