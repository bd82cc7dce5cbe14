"""What a job gets of the agent's environment."""

import re
from collections.abc import Mapping

SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY", re.IGNORECASE)


def job_environment(environment: Mapping[str, str], *, passed: list[str]) -> dict[str, str]:
    """The variables of a job: nothing of Storax's own, and no secret but those named in ``passed``."""
    return {
        name: value
        for name, value in environment.items()
        if name in passed or not (name.startswith("STORAX_") or SECRET_NAME.search(name))
    }
