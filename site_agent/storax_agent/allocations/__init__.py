"""BatchJobs seen from the site: their limits, their partitions, their runners."""
