"""App definitions: a class body defines an App, ``sync()`` stores it on the server, ``submit()`` makes a Job of it."""

import inspect
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from storax._jobs import parameters as _parameters
from storax._jobs.app_cache import apps_of
from storax._jobs.pickled import wrap
from storax._jobs.shipping.command_template import CommandError, check
from storax._orm.instance import Model
from storax._orm.kinds import Rejected
from storax._orm.record import model_named
from storax._runtime.suggestions import unknown
from storax._runtime.unset import UNSET
from storax.client import current_client
from storax.errors import InvalidInput
from storax.models.job_rules import HOOKS

if TYPE_CHECKING:
    from storax.models.site import Site

_NOT_DECLARED = ("site_id", "source_code", "hooks")
# Balsam's names for what is called otherwise here.
_OLD_NAMES = {"environment_variables": "environment"}


if TYPE_CHECKING:
    OnBoth = classmethod  # which type checkers, too, let be called on both
else:

    class OnBoth:
        """A method that works on a definition (a class) and on an App read from the server (an instance)."""

        def __init__(self, function: Any) -> None:
            self._function = function
            self.__doc__ = function.__doc__

        def __get__(self, obj: Any, owner: type[Any]) -> Any:
            return self._function.__get__(owner if obj is None else obj)


AppT = TypeVar("AppT")
JobT = TypeVar("JobT")


class AppBase(Model, Generic[AppT, JobT]):
    """The hand-written half of App, the base class of definitions.

    A definition sets ``site``, and either ``command_template`` or a method ``run``. It may define the hooks
    ``preprocess``, ``postprocess``, ``handle_error`` and ``handle_timeout``, and set the other fields of an App.
    The source of ``run`` and hooks is stored with the App as text, and runs only at sites that allow functions.
    """

    # The docstring repeats the names in HOOKS, which the server declares; a test compares them.
    __slots__ = ()

    site: ClassVar["str | int | Site | None"] = None
    objects: ClassVar[Any]
    _sourceless: ClassVar[bool] = False  # loaded from the server, which has hooks that the class has not
    _declares: ClassVar[dict[str, Any]] = {}  # by the class itself; _declared: with its bases

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_spec" not in cls.__dict__:
            cls._collect_declarations()

    @classmethod
    def _collect_declarations(cls) -> None:
        """Add the fields that are set on the class, in its body or after it, to the declared ones."""
        cls._declares = {**cls.__dict__.get("_declares", {}), **cls._take_declarations()}
        cls._declared = {**_inherited(cls), **cls._declares}

    @classmethod
    def _take_declarations(cls) -> dict[str, Any]:
        """Take the fields that the class body sets, which would hide their descriptors, out of the class."""
        declarations = {}
        for alias, new in _OLD_NAMES.items():
            if alias in cls.__dict__:
                declarations[new] = cls._declaration(new, cls.__dict__[alias])
        for name in [n for n in cls.__dict__ if n in cls._fields]:
            declarations[name] = cls._declaration(name, cls.__dict__[name])
            delattr(cls, name)
        return declarations

    @classmethod
    def _declaration(cls, name: str, value: Any) -> Any:
        field = cls._fields[name]
        if not field.creatable or name in _NOT_DECLARED:
            raise InvalidInput(f"{cls.__name__} cannot set {name}.", hint="Set site= for where it runs.")
        if name == "shell_preamble":
            value = _preamble(cls, value)
        value = inspect.cleandoc(value) if name == "command_template" and isinstance(value, str) else value
        try:
            return field.accept(value)
        except Rejected as error:
            raise InvalidInput(f"{cls.__name__}.{name}: {error.message}.", hint=error.hint) from None

    # ---- the definition ----------------------------------------------------------------------------------------------

    @classmethod
    def _definition(cls) -> dict[str, Any]:
        """Return the body that creates or updates the App on the server."""
        cls._collect_declarations()
        cls._require_definition()
        return {
            "name": cls._app_name(),
            "description": inspect.cleandoc(cls.__doc__ or ""),
            "source_code": cls._source(methods := cls._methods()),
            "hooks": [name for name in methods if name != "run"],
            "command_template": None,
            **cls._declared,
            "parameters": cls._own_parameters(),
        }

    @classmethod
    def _methods(cls) -> list[str]:
        """Return the names of ``run`` and the hooks that it defines."""
        return [name for name in ("run", *HOOKS.values()) if callable(getattr(cls, name, None))]

    @classmethod
    def _source(cls, methods: list[str]) -> str:
        # Imported on use: who only reads Apps need not load what takes sources apart.
        from storax._jobs.source import plain_source, whole_source

        if not methods:
            return plain_source(cls)
        declared = cls._declared
        prepares = declared.get("python_exe") or declared.get("shell_preamble")
        return whole_source(cls, methods, any_module=bool(prepares or "PYTHONPATH" in declared.get("environment", {})))

    @classmethod
    def _require_definition(cls) -> None:
        if cls._sourceless:
            hint = "Call sync() of the class that defines them, or change fields with App.objects.get(...) and save()."
            raise InvalidInput(f"{cls.__name__} was loaded, and sync() would delete its hooks.", hint=hint)
        template, run = cls._declared.get("command_template"), getattr(cls, "run", None)
        if template and run:
            raise InvalidInput(f"{cls.__name__} has both command_template and run().", hint="Keep one of the two.")
        if template:
            _check_template(cls, template)
        if template or run:
            return
        similar = [n for n in vars(cls) if "templ" in n or "comm" in n]
        if similar:
            raise unknown(f"{cls.__name__} sets", similar[0], ["command_template"])
        raise InvalidInput(f"{cls.__name__} has neither command_template nor run().", hint="Set one of the two.")

    @classmethod
    def _app_name(cls) -> str:
        return str(cls._declared.get("name", cls.__name__))

    @classmethod
    def _own_parameters(cls) -> dict[str, Any]:
        declared = dict(cls._declared.get("parameters", {}))
        template = cls._declared.get("command_template") or ""
        inferred = _parameters.of_run(cls) if getattr(cls, "run", None) else _parameters.of_template(template)
        return {**inferred, **declared}

    @OnBoth
    def _takes(self: Any) -> _parameters.Parameters:
        """Return its parameters, ready to check Jobs against."""
        if isinstance(self, AppBase):
            return _parameters.Parameters(self.name, self.parameters or {})
        return _parameters.Parameters(self._app_name(), self._own_parameters())

    # ---- talking to the server ------------------------------------------------------------------------------------

    @classmethod
    def sync(cls, *, rename_from: str | None = None) -> AppT:
        """Store this definition at its site: create the App, or update the one of its name.

        Args:
            rename_from: The App's present name, where the definition renames it; the App keeps its id and its Jobs.

        Returns:
            The App as the server has it.

        Raises:
            InvalidInput: The definition is incomplete or wrong, or its site is not known.
        """
        client, definition = current_client(), cls._definition()
        site_id = apps_of(client).site_id(cls._require_site())
        names = [*([rename_from] if rename_from else []), definition["name"]]
        stored: AppT = apps_of(client).store(definition, site_id=site_id, names=names)
        return stored

    @classmethod
    def _require_site(cls) -> Any:
        if cls.site is None:
            raise InvalidInput(f"{cls.__name__} does not name its site.", hint='Set site = "name" in the class.')
        return cls.site

    @OnBoth
    def submit(self: Any, workdir: str, *, save: bool = True, **parameters: Any) -> JobT:
        """Make a Job of this App and save it.

        Args:
            workdir: Working folder of the Job, relative to the site's data folder.
            save: Whether to save it; by default True. False is for ``bulk_create()``.
            **parameters: The App's parameters by name, and any field of Job (``tags``, ``num_nodes``, ...). A name that
                is both is the parameter.

        Raises:
            InvalidInput: A parameter is missing or unknown; the message names it.
        """
        Job, takes = model_named("Job"), self._takes()  # noqa: N806
        fields = {n for n, f in Job._fields.items() if f.creatable} - set(takes.declared)
        job_fields = {n: v for n, v in parameters.items() if n in fields}
        values = {n: v for n, v in parameters.items() if n not in fields}
        if values:
            job_fields["parameters"] = {**job_fields.get("parameters", {}), **values}
        job: JobT = Job(app=self, workdir=workdir, **job_fields)
        if save:
            job.save()  # type: ignore[attr-defined]
        return job

    @staticmethod
    def pickled(value: Any) -> dict[str, str]:
        """Wrap ``value``, which has no JSON form, for a parameter of ``run()`` at a site whose policy has allow_pickle.

        Raises:
            InvalidInput: cloudpickle is not installed (the extra ``pickle``).
        """
        return wrap(value)

    @classmethod
    def load_by_id(cls, app_id: int) -> type[AppT]:
        """Return the definition of a stored App by its id."""
        return cls._from_app(apps_of(current_client()).by_id(app_id))

    @classmethod
    def load_by_name(cls, name: str, *, site: "str | int | Site | None" = None) -> type[AppT]:
        """Return the definition of a stored App by its name; ``site``: its name, id or Site, where several have one."""
        return cls._from_app(apps_of(current_client()).named(name, site=site))

    @classmethod
    def load_by_site(cls, site: "str | int | Site") -> dict[str, type[AppT]]:
        """Return the definitions of all Apps of a site, by name."""
        return {app.name: cls._from_app(app) for app in apps_of(current_client()).of_site(site)}

    @classmethod
    def _from_app(cls, app: Any) -> type[AppT]:
        """Return a class with the fields of ``app``."""
        names = (n for n, f in app._fields.items() if f.creatable and n not in _NOT_DECLARED)
        body = {n: value for n in names if (value := app._values[app._fields[n].index]) not in (None, UNSET)}
        body |= {
            "site": app.site_id,
            "__doc__": app.description or None,
            "_sourceless": bool(app.source_code and app.hooks),
        }
        definition: type[AppT] = type(app.name, (model_named("App"),), body)
        return definition

    @classmethod
    def resolve_site_id(cls) -> int:
        """Return the id of the site that this definition names."""
        return apps_of(current_client()).site_id(cls._require_site())


def _inherited(cls: type[AppBase[Any, Any]]) -> dict[str, Any]:
    """Return the fields that the bases of a definition set; also those of plain mixins, which keep their attributes."""
    declarations: dict[str, Any] = {}
    for base in reversed(cls.__mro__[1:]):
        if issubclass(base, AppBase):
            declarations |= base.__dict__.get("_declares", {})
        else:
            names = [_OLD_NAMES.get(n, n) for n in vars(base)]
            settable = [n for n in names if n in cls._fields and cls._fields[n].creatable and n not in _NOT_DECLARED]
            declarations |= {n: cls._declaration(n, _attribute(base, n)) for n in settable}
    return declarations


def _check_template(cls: type[AppBase[Any, Any]], template: str) -> None:
    try:
        check(template, use_shell=cls._declared.get("use_shell", False))
    except CommandError as error:
        raise InvalidInput(f"{cls.__name__}: {error}.") from None


def _attribute(base: type[Any], name: str) -> Any:
    old = [alias for alias, new in _OLD_NAMES.items() if new == name]
    return next(vars(base)[n] for n in (name, *old) if n in vars(base))


def _preamble(cls: type[Any], preamble: Any) -> Any:
    """Return the preamble as text; it is text, a list of lines, or a method without arguments, which is called now."""
    if inspect.isfunction(preamble):
        try:
            preamble = preamble(None)
        except Exception as error:
            raise InvalidInput(
                f"{cls.__name__}.shell_preamble() failed: {error!r}.",
                hint="It is called once, when the class is defined, and knows no job.",
            ) from None
    if isinstance(preamble, (list, tuple)) and all(isinstance(line, str) for line in preamble):
        return "\n".join(preamble)
    return inspect.cleandoc(preamble) if isinstance(preamble, str) else preamble
