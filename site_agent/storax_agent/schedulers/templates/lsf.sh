#!/bin/bash
# The job script of this site's allocations, for LSF. Edit it; it is read anew for each submission.
# Places: num_nodes, wall_time (HH:MM:SS), wall_time_min, queue, project, job_mode, batch_job_id, and params.NAME for each
# NAME in [scheduler.optional_params] of site.toml. The job's name and its output file are set by the agent.
# Where LSF counts whole nodes (CORAL), use -nnodes in place of -n and -R.
#BSUB -n {{ num_nodes }}
#BSUB -R span[ptile=1]
#BSUB -x
#BSUB -rn
#BSUB -W {{ wall_time_min }}
{% if queue %}
#BSUB -q {{ queue }}
{% endif %}
{% if project %}
#BSUB -P {{ project }}
{% endif %}

# What the runner and its jobs need, as `module load ...`, goes here.

{{ run }}
