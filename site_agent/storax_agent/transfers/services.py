"""The transfer service of each location of a site, made when first used."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from storax import _installation as installation
from storax_agent.settings.job_environment import AWS, SSH, ProcessEnvironment
from storax_agent.settings.locations import FileLocation, GlobusLocation, Location, S3Location, SshLocation
from storax_agent.transfers.base import TransferError, TransferService
from storax_agent.transfers.local import LocalTransfer
from storax_agent.transfers.rsync import RsyncTransfer
from storax_agent.transfers.separate_process.service import HelperService


class Locations:
    """The services of one site, each made when first used. ``data`` is the data folder, ``scratch`` a folder of the
    agent's own for what is on its way, ``environment`` what the site passes on."""

    def __init__(
        self,
        declared: Mapping[str, Location],
        *,
        data: Path,
        scratch: Path,
        environment: ProcessEnvironment | None = None,
    ) -> None:
        self._declared, self._data, self._scratch = dict(declared), data, scratch
        self._environment = environment or ProcessEnvironment()
        self._services: dict[str, TransferService] = {}

    def service(self, alias: str) -> TransferService:
        """Who moves to and from ``alias``. Safe for threads: at worst, one is made twice.

        Raises:
            TransferError: there is no such location, or its library or program is not installed.
        """
        if alias not in self._services:
            self._services[alias] = self._make(alias)
        return self._services[alias]

    def _make(self, alias: str) -> TransferService:
        place = self._declared.get(alias)
        if place is None:
            known = ", ".join(sorted(self._declared)) or "none"
            raise TransferError(
                f"location {alias!r} is not in [transfer_locations] of this site's site.toml (there: {known})"
            )
        scratch = self._scratch / _folder_name(alias)
        if isinstance(place, FileLocation):
            return LocalTransfer(place.path, data=self._data)
        if isinstance(place, SshLocation):
            variables = self._environment.with_own(os.environ, SSH)
            return RsyncTransfer(place, data=self._data, scratch=scratch, environment=variables)
        if isinstance(place, S3Location):
            variables = self._environment.with_own(os.environ, AWS)
            return HelperService(place, data=self._data, scratch=scratch, environment=variables)
        return _globus(place, self._data)


def _globus(place: GlobusLocation, data: Path) -> TransferService:
    try:
        from storax_agent.transfers.globus import GlobusTransfer, client_of
    except ModuleNotFoundError as error:
        raise TransferError(f"{place.url}: {error}; install it with: {installation.add_extra('globus')}") from error
    return GlobusTransfer(place, data=data, client=client_of(place))


def _folder_name(alias: str) -> str:
    """A name for the scratch folder of a location, whatever its alias is made of."""
    return hashlib.sha256(alias.encode(errors="surrogatepass")).hexdigest()[:16]
