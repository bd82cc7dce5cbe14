"""Use Python functions as Apps: estimate pi in parts, repair failures, combine the parts.

Start `storax up`, then run: python examples/functions.py
"""

import random

from storax.api import App, Job

BATCH = 20_000


def hits(rng: random.Random, number: int) -> int:
    """Count how many of ``number`` random points of the unit square lie in the quarter circle."""
    return sum(rng.random() ** 2 + rng.random() ** 2 <= 1 for _ in range(number))


class Sample(App):
    """Sample points. Some runs fail and are retried."""

    site = "local"
    max_attempts = 3

    def run(self, seed: int, number: int = BATCH) -> dict[str, int]:
        """Parameters come from the signature; the value comes back as JSON."""
        if seed % 5 == 0 and self.job.attempt == 0:
            raise RuntimeError("no luck with this seed, this time")
        print("throwing", number, "points")
        return {"number": number, "hits": hits(random.Random(seed), number)}

    def postprocess(self) -> None:
        """Runs at the site when run() has succeeded, in the job's workdir."""
        self.job.tags = {**self.job.tags, "checked": "yes"}


class Divide(App):
    """Fails where it must."""

    site = "local"

    def run(self, over: float, under: float) -> float:
        """Divide."""
        return over / under


def main() -> float:
    """Submit, wait, put together."""
    Sample.sync()
    Divide.sync()
    jobs = [Job(app=Sample, workdir=f"pi/{seed}", parameters={"seed": seed}) for seed in range(10)]
    Job.objects.bulk_create(jobs)
    pieces = [job.result(timeout=120) for job in jobs]
    again = [job.id for job in jobs if job.attempt > 1]
    print(f"{len(jobs)} pieces, {len(again)} of them at the second attempt")

    total = sum(piece["number"] for piece in pieces)
    pi = float(Divide.submit("pi/end", over=4.0 * sum(p["hits"] for p in pieces), under=total).result(timeout=60))
    print("pi is about", round(pi, 2))

    try:
        Divide.submit("pi/never", over=1, under=0).result(timeout=60)
    except Job.Failed as failed:
        print(failed.exception, "at the site:", failed.exception_message)
    return pi


if __name__ == "__main__":
    main()
