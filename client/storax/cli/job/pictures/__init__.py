"""Jobs as pictures on a terminal: the graph around one, and the stages of many over time."""
