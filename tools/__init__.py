"""What writes code and documents of this repository. Never part of the wheel."""
