"""What ran when: a chart of runs by allocation, App or job, in which idle gaps are seen."""
