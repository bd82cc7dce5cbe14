"""What keeps one caller from taking the memory and the time of all others."""
