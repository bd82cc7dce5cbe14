"""A client's cache of Apps and Sites, by id and by name, so that 10,000 Jobs cost one request."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from storax._jobs.parameters import Parameters
from storax._orm.record import model_named
from storax._runtime.suggestions import nearest
from storax.errors import InvalidInput, NoSuchName
from storax.models.site import Site

if TYPE_CHECKING:
    from storax.client import Client


# App stands above this module: its base class calls it.
App = Any


def apps_of(client: "Client") -> "AppCache":
    """Return the cache of Apps of a client."""
    return client.part(AppCache)


class AppCache:
    """Apps by id and name. A name is resolved once; ``moved`` clears the cache."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._by_id: dict[int, App] = {}
        self._by_name: dict[tuple[str, Any], App] = {}
        self._takes: dict[int, Parameters] = {}
        self._site_ids: dict[str, int] = {}

    @property
    def _model(self) -> Any:
        # Resolved on use: a caller that needs a site's id alone has not imported the models of Apps and Jobs.
        return model_named("App")

    def resolve(self, app: Any, site_name: str | None = None) -> App:
        """Return the stored App for a name, an id, an App or a definition."""
        if isinstance(app, str):
            return self._by_name.get((app, site_name)) or self.named(app, site=site_name)
        if isinstance(app, int):
            return self.by_id(app)
        if isinstance(app, self._model):
            if not app.id:
                raise InvalidInput(f"{app!r} is not saved yet.", hint="Call its save() first.")
            return self._keep(app)
        if isinstance(app, type) and issubclass(app, self._model):
            return self._of_definition(app)
        raise InvalidInput(f"app={app!r} is no App.", hint="Give its name, an App, or its class.")

    def takes(self, app_id: Any) -> Parameters | None:
        """Return the parameters of a cached App; None for another."""
        return self._takes.get(app_id)

    def by_id(self, app_id: int) -> App:
        """Return the App of this id."""
        return self._by_id.get(app_id) or self._keep(self._model.objects.using(self._client).get(id=app_id))

    def named(self, name: str, *, site: Any = None) -> App:
        """Return the App of this name, at ``site`` (a name, id or Site) unless that is None.

        Raises:
            InvalidInput: none has it, the message names the nearest; or several sites have one.
        """
        query = self._model.objects.using(self._client).filter(name=name)
        matches = list(query.filter(site_id=self.site_id(site)) if site is not None else query)
        if len(matches) == 1:
            app = self._keep(matches[0])
            self._by_name[name, site if isinstance(site, str) else None] = app
            return app
        if matches:
            ids = [app.site_id for app in matches]
            sites = Site.objects.using(self._client).filter(id=ids).values_list("name", flat=True)
            raise InvalidInput(
                f"Several sites have an App {name!r}: {', '.join(sites)}.", hint="Name the site: site_name=."
            )
        raise self._no_app(name, site)

    def _no_app(self, name: str, site: Any) -> InvalidInput:
        known = self._model.objects.using(self._client).values_list("name", flat=True)
        where = f" at site {site!r}" if site is not None else ""
        hint = nearest(name, known) if known else "There is none yet: define one and call its sync()."
        return NoSuchName(f"There is no App {name!r}{where}.", hint=hint)

    def of_site(self, site: Any) -> list[App]:
        """Return all Apps of a site in the order of their names."""
        return list(self._model.objects.using(self._client).filter(site_id=self.site_id(site)).order_by("name"))

    def site_id(self, site: Any) -> int:
        """Return the id of a site, which is a name, an id or a Site.

        Raises:
            InvalidInput: no site has this name; the message names the nearest.
        """
        if isinstance(site, int):
            return site
        if isinstance(site, Site):
            if site.id is None:
                raise InvalidInput(f"{site!r} is not saved yet.", hint="Call its save() first.")
            return site.id
        if site not in self._site_ids:
            sites = dict(Site.objects.using(self._client).values_list("name", "id"))
            if site not in sites:
                hint = nearest(str(site), sites) if sites else "There is none yet: make one with `storax site init`."
                raise NoSuchName(f"There is no site {site!r}.", hint=hint)
            self._site_ids[site] = sites[site]
        return self._site_ids[site]

    def store(self, definition: dict[str, Any], *, site_id: int, names: Iterable[str]) -> App:
        """Create the App of this definition, or update the one that has one of the ``names``."""
        query = self._model.objects.using(self._client).filter(site_id=site_id)
        stored = next((stored for name in names if (stored := query.filter(name=name).first())), None)
        if stored is None:
            stored = self._model(site_id=site_id, **definition)
            stored._client = self._client
        for name, value in definition.items() if stored.id else ():
            if stored._values[stored._fields[name].index] != value:
                setattr(stored, name, value)
        stored.save()
        self._by_name.clear()
        return self._keep(stored)

    def moved(self, refs: Iterable[tuple[str, str | None]]) -> bool:
        """Clear the cache; return whether any of these names now belongs to another App than before."""
        before = {ref: self._by_name[ref].id for ref in refs if ref in self._by_name}
        self._forget()
        return any(self.named(name, site=site).id != before[name, site] for name, site in before)

    def _forget(self) -> None:
        for known in (self._by_id, self._by_name, self._takes, self._site_ids):
            known.clear()

    def _keep(self, app: App) -> App:
        if app.id is not None and self._by_id.get(app.id) is not app:
            self._by_id[app.id] = app
            self._takes[app.id] = app._takes()
        return app

    def _of_definition(self, definition: type[Any]) -> App:
        site_id = self.site_id(definition._require_site())
        key = (definition._app_name(), site_id)
        if key not in self._by_name:
            try:
                self._by_name[key] = self.named(key[0], site=site_id)
            except InvalidInput as error:
                name = definition.__name__
                raise InvalidInput(error.message, hint=f"Call {name}.sync() to store it there.") from None
        return self._by_name[key]
