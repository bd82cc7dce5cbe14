#!/bin/bash
# The job script of this site's allocations, for Grid Engine. Edit it; it is read anew for each submission.
# Places: num_nodes, wall_time (HH:MM:SS), wall_time_min, queue, project, job_mode, batch_job_id, and params.NAME for each
# NAME in [scheduler.optional_params] of site.toml. The job's name and its output file are set by the agent.
# More than one node needs a parallel environment: its name differs from cluster to cluster.
#$ -S /bin/bash
#$ -r n
#$ -l h_rt={{ wall_time }}
{% if num_nodes > 1 %}
#$ -pe mpi {{ num_nodes }}
{% endif %}
{% if queue %}
#$ -q {{ queue }}
{% endif %}
{% if project %}
#$ -P {{ project }}
{% endif %}

# What the runner and its jobs need, as `module load ...`, goes here.

{{ run }}
