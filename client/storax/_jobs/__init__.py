"""Jobs, Apps, BatchJobs and Sessions: what they do beyond being rows, and how scripts wait for them."""
