"""How scripts reach the engine: find or start its process, speak to it, know which project is theirs."""
