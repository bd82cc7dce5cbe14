"""How rows come into data frames, and how they leave."""
