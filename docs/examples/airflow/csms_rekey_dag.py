"""Moves the secrets of a manifest every night; a retry continues where the last try stopped."""  # noqa: INP001 - Airflow loads files, not packages

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

RUN = "/var/lib/csms-rekey/runs/{{ ts_nodash }}"
MANIFEST = "/srv/csms-rekey/secrets.csv"

# One directory for each run of the DAG: a second try finds it and resumes. Resuming what is finished sends nothing.
# `exec` makes csms-rekey the process that Airflow stops.
COMMAND = f"""
if [ -d '{RUN}' ]; then
    exec csms-rekey resume '{RUN}'
fi
exec csms-rekey run '{MANIFEST}' --run-dir '{RUN}' --max-duration 14400
"""

with DAG(
    dag_id="csms_rekey",
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
) as dag:
    BashOperator(
        task_id="rekey",
        bash_command=COMMAND,
        # The login comes from the worker's environment or ~/.huaweicloud/credentials, never from a template.
        env={"CSMS_REKEY_REGION": "cn-north-4"},
        append_env=True,
        retries=4,
        retry_delay=timedelta(minutes=10),
        execution_timeout=timedelta(hours=6),
    )
