"""What the worker of an App at a site leaves out of its source, and what it shows and lets change of a job."""

# Sent to the server by sync(); not evaluated again at the site.
DECLARATIONS = frozenset(
    {"site", "name", "command_template", "parameters", "transfers", "environment", "environment_variables",
     "shell_preamble", "cleanup_files", "python_exe", "max_attempts", "max_losses", "retry_delay_sec",
     "retry_exit_codes", "retry_on_timeout", "use_shell", "description"}
)  # fmt: skip
OF_RUN = ("id", "workdir", "tags", "attempt", "parameters")  # what run() sees of its job; a hook sees all
# What a hook may change in its job, besides the state. Of the dictionaries only the keys that it changed are sent.
MAPS = ("tags", "parameters", "data")
CHANGEABLE = (*MAPS, "num_nodes", "ranks_per_node", "threads_per_rank", "mem_per_node_mb", "wall_time_min",
              "wall_time_limit_min", "max_attempts", "max_losses", "return_value")  # fmt: skip
