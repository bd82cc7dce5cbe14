#!/bin/bash
# The job script of this site's allocations, for PBS Professional and OpenPBS. Edit it; it is read anew for each
# submission. Places: num_nodes, wall_time (HH:MM:SS), wall_time_min, queue, project, job_mode, batch_job_id, and
# params.NAME for each NAME in [scheduler.optional_params] of site.toml. The job's name and its output file are set by
# the agent.
#PBS -S /bin/bash
#PBS -r n
#PBS -l select={{ num_nodes }}
#PBS -l place=scatter:excl
#PBS -l walltime={{ wall_time }}
{% if queue %}
#PBS -q {{ queue }}
{% endif %}
{% if project %}
#PBS -A {{ project }}
{% endif %}

# What the runner and its jobs need, as `module load ...`, goes here.

{{ run }}
