"""What jobs need to know of their sites."""
