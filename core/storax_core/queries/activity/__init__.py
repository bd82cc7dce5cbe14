"""What jobs did in a window of time: their runs and stages, and series and distributions of them."""
