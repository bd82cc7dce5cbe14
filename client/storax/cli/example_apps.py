"""Two Apps to start from. Publish them with: storax app sync FILE. Run them with: storax job submit NAME.

An App with a command template runs a program; an App with a method `run` is a Python function.
"""

from storax.api import App


class Hello(App):
    """Greet somebody."""

    site = "local"  # the site that `storax up` starts; `storax site ls` lists yours
    command_template = "echo hello {{ name }}"


class Add(App):
    """Add two numbers; the return value is the result of the job."""

    site = "local"

    def run(self, a: float, b: float) -> float:
        return a + b
