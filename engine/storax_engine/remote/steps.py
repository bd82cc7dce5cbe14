"""A large feature computation as several jobs of one run: one prepares, one works on each bucket, one combines them.

The last is the run's own job, and its folder the run's. The others have folders in ``steps/`` with a manifest of their
own; they finish before it, and it does itself what they left undone, so that to retry it alone mends everything.
"""

from collections.abc import Iterator
from pathlib import Path

from storax_engine.remote import manifest, outcome
from storax_engine.remote.manifest import Bucket, Manifest, Prepare, Step
from storax_engine.remote.outcome import ERROR, RESULT, Failure

STEPS = "steps"
SHARE = 0.7  # how much of the whole is done when the last job begins, about


def write_manifests(folder: Path, token: str, buckets: int) -> None:
    """Write the manifests of the steps of a run."""
    for name, step in _steps(buckets):
        (folder / STEPS / name).mkdir(parents=True, mode=0o700)
        manifest.write(folder / STEPS / name, Manifest(token=token, task=step))


def jobs(folder: Path, buckets: int) -> Iterator[tuple[Path, dict[str, str]]]:
    """The folders and tags of the steps' jobs; the first is the parent of the others."""
    for name, step in _steps(buckets):
        number = {"bucket": str(step.bucket)} if isinstance(step, Bucket) else {}
        yield folder / STEPS / name, {"work": step.kind, **number}


def run_folder(folder: Path) -> Path:
    """The folder of the run that a step's folder belongs to."""
    return folder.parent.parent


def progress(folder: Path, buckets: int) -> tuple[float, str]:
    """Return the combined progress of the steps of a run."""
    done = sum((folder / STEPS / name / RESULT).exists() for name, _ in _steps(buckets))
    return SHARE * done / (buckets + 1), f"{max(done - 1, 0)} of {buckets} buckets" if done else "preparing"


def failure(folder: Path) -> Failure | None:
    """Why the first step failed that failed for its data."""
    places = sorted((folder / STEPS).glob(f"*/{ERROR}"), reverse=True)
    failures = (outcome.read(place.parent, Failure) for place in places)
    return next((one for one in failures if one), None)


def _steps(buckets: int) -> Iterator[tuple[str, Step]]:
    yield "prepare", Prepare()
    yield from ((f"bucket-{i:04d}", Bucket(bucket=i)) for i in range(buckets))
