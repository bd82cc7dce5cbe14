"""How commands read arguments and print results, prompts and errors."""
