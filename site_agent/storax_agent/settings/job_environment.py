"""The environment of every process that a site starts: jobs, hooks, function workers, transfers, scheduler commands.

It is built here and nowhere else, from the variables of the agent. An agent lives for months, started from whichever
shell its owner was in: only what the lists name is passed on. A job script is another matter: its owner wrote it for
the jobs, and its allocation is their own. Inside an allocation all is passed on but what is withheld.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate

BASE = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TERM", "HOSTNAME"),
    *("TMPDIR", "TMP", "TEMP", "SCRATCH*", "WORK", "PROJECT", "XDG_*_HOME", "XDG_*_DIRS", "XDG_RUNTIME_DIR"),
    # libraries and modules
    *("LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "MANPATH", "PKG_CONFIG_PATH", "CMAKE_PREFIX_PATH"),
    *("MODULE*", "LMOD_*", "__LMOD_*", "LOADEDMODULES", "_LMFILES_*", "_ModuleTable*", "BASH_ENV"),
    *("BASH_FUNC_module%%", "BASH_FUNC__module_raw%%", "BASH_FUNC_ml%%", "EBROOT*", "EBVERSION*", "SPACK_ROOT"),
    *("CRAY*", "PE_ENV", "*_LICENSE_FILE"),
    # threads, devices, MPI
    *("OMP_*", "KMP_*", "GOMP_*", "MKL_*", "OPENBLAS_*", "CUDA_*", "ROCR_*", "HIP_*", "NVIDIA_*", "NCCL_*", "ZE_*"),
    *("I_MPI_*", "OMPI_MCA_*", "PRTE_MCA_*", "MPICH_*", "HYDRA_*", "MV2_*", "UCX_*", "FI_*"),
    # network
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "KRB5CCNAME", "KRB5_CONFIG"),
    "STORAX_HOME",
)
# Where the commands of a batch system find their configuration, and what a runner reads of its settings.
SCHEDULER = (
    *("SLURM_CONF", "SLURM_CLUSTERS", "PBS_CONF_FILE", "PBS_EXEC", "PBS_DEFAULT", "PBS_SERVER", "LSF_ENVDIR"),
    *("LSF_BINDIR", "LSF_LIBDIR", "LSF_SERVERDIR", "XLSF_UIDDIR", "EGO_*", "SGE_ROOT", "SGE_CELL", "SGE_CLUSTER_NAME"),
    *("SGE_QMASTER_PORT", "SGE_EXECD_PORT", "STORAX_AGENT_*"),
)
# What tools that move files log in with. It goes to them alone, secrets too.
SSH = ("SSH_AUTH_SOCK", "SSH_AGENT_PID")
AWS = ("AWS_*", "BOTO_*", "*_PROXY", "*_proxy")

# Never by a pattern, only by its full name in pass_environment.
SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|_PASS$", re.IGNORECASE
)
SECRET_VALUE = re.compile(r"\w://[^/\s@]*:[^/\s]*@")
PROXY = re.compile(r"_PROXY$", re.IGNORECASE)
# Settings of another process: options of submissions, and those of Storax itself but for its home.
FOREIGN = re.compile(r"SBATCH_|SALLOC_|STORAX_(?!HOME$)")


@dataclass(frozen=True)
class ProcessEnvironment:
    """The lists of a site: ``base`` and ``passed`` are glob patterns, ``fixed`` are variables with their values.

    A name that stands in ``passed`` in full is passed on whatever it holds; a pattern never passes a secret.
    """

    base: Iterable[str] = BASE
    passed: Iterable[str] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)

    def job(self, environment: Mapping[str, str], *, in_allocation: bool = False) -> dict[str, str]:
        """Return the environment that jobs, hooks and function workers start from."""
        wanted, named = _pattern("*" if in_allocation else (*self.base, *self.passed)), frozenset(self.passed)
        inherited = {
            name: value
            for name, value in environment.items()
            if name in named or (wanted.fullmatch(name) and not _is_withheld(name, value))
        }
        return {**inherited, **self.fixed}

    def with_own(self, environment: Mapping[str, str], own: Iterable[str]) -> dict[str, str]:
        """Return the environment of a tool that needs the variables ``own`` (patterns) beside those of a job."""
        return {**_matching(environment, own), **self.job(environment)}

    def scheduler(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a scheduler's commands, and through them of the job scripts."""
        return self.with_own(environment, SCHEDULER)


def _is_withheld(name: str, value: str) -> bool:
    return FOREIGN.match(name) is not None or is_secret(name, value)


def is_secret(name: str, value: str) -> bool:
    """Whether a variable holds a secret, by its name or its value."""
    if SECRET_NAME.search(name) or SECRET_VALUE.search(value):
        return True
    return "@" in value and PROXY.search(name) is not None


def _matching(environment: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    wanted = _pattern(patterns)
    return {name: value for name, value in environment.items() if wanted.fullmatch(name)}


def _pattern(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)) or r"(?!)")
