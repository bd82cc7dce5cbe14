#!/bin/bash
# The job script of this site's allocations, for Slurm. Edit it; it is read anew for each submission.
# Places: num_nodes, wall_time (HH:MM:SS), wall_time_min, queue, project, job_mode, batch_job_id, and params.NAME for each
# NAME in [scheduler.optional_params] of site.toml. The job's name and its output file are set by the agent.
#SBATCH --nodes={{ num_nodes }}
#SBATCH --time={{ wall_time_min }}
#SBATCH --exclusive
#SBATCH --no-requeue
{% if queue %}
#SBATCH --partition={{ queue }}
{% endif %}
{% if project %}
#SBATCH --account={{ project }}
{% endif %}

# What the runner and its jobs need, as `module load ...`, goes here.

{{ run }}
