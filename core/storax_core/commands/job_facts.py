"""The columns of a locked job row that ``lifecycle.rules`` reads."""

JOB_FACTS = (
    "id, owner_id, site_id, version, state, session_id, lease_epoch, attempt, max_attempts, retry_delay_sec,"
    " not_before, cancel_requested, stage_in, stage_out, hooks, retry_exit_codes::text AS retry_exit_codes,"
    " retry_on_timeout, return_code, last_update, now() AS now"
)
