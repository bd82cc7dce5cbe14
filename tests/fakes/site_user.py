"""What a user does with one site, by REST."""

import os

from waiting import eventually


class SiteUser:
    """Apps, jobs and what became of them."""

    def __init__(self, user, site):
        self.user, self.site = user, site

    def app(self, name, command="true", **fields):
        body = {"site_id": self.site.site_id, "name": name, "command_template": command, **fields}
        return self.user.post("/apps/", body)["id"]

    def job(self, app, **fields):
        return self.user.post("/jobs/", {"app_id": app, "workdir": f"w/{os.urandom(4).hex()}", **fields})["id"]

    def read(self, job):
        return self.user.get(f"/jobs/{job}")

    def ended(self, job, state="JOB_FINISHED"):
        row = eventually(lambda: (r := self.read(job))["state"] in ("JOB_FINISHED", "FAILED", "CANCELLED") and r)
        assert row["state"] == state, row
        return row

    def moves(self, job):
        rows = self.user.get("/events/", job_id=job, ordering="position")["results"]
        return [row["to_state"] for row in rows if row["to_state"]]

    def last_data(self, job, state):
        rows = self.user.get("/events/", job_id=job, to_state=state)["results"]
        return rows[0]["data"]
