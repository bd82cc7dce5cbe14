"""What the agent says to the server, and nothing of how.

Every call raises ``storax.errors.StoraxError``; a NotFound from a session's call means that the session is gone.
"""

from storax_agent.server.allocations import AllocationCalls
from storax_agent.server.jobs import JobCalls
from storax_agent.server.leases import Acquired, Answer, Beat, Epoch, LeaseCalls
from storax_agent.server.sites import SiteCalls

__all__ = ["Acquired", "Answer", "Beat", "Epoch", "SiteApi"]


class SiteApi(SiteCalls, LeaseCalls, JobCalls, AllocationCalls):
    """One server, as one site uses it. Safe for threads."""
