"""How commands read arguments and print results, questions and errors."""
