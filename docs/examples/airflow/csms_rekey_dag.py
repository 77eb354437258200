"""Moves the secrets of a manifest every night; a retry continues where the last try stopped."""  # noqa: INP001 - Airflow loads files, not packages

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.exceptions import AirflowException, AirflowFailException
from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import DAG, BaseOperator

MANIFEST = "/srv/csms-rekey/secrets.csv"
# One directory for every night and every try: `go` continues what was stopped, and starts what is new.
RUN_DIR = "/var/lib/csms-rekey/nightly"
# The login comes from the worker's environment or ~/.huaweicloud/credentials, never from a template.
# The night ends after four hours. An outage of the service is waited for within it, for two hours at most.
OPTIONS = {"CSMS_REKEY_REGION": "cn-north-4", "CSMS_REKEY_MAX_DURATION": "4h", "CSMS_REKEY_MAX_OUTAGE": "2h"}
# Rows to fix, wrong use, or stopped by a rule: a person has to look. After 3 the next night continues.
NO_RETRY = (1, 2, 3)


class RekeyOperator(BaseOperator):
    """Runs csms-rekey, which stops gently when Airflow stops the task."""

    def execute(self, context: Any) -> None:
        """Fails for good where another try would end the same, otherwise so that Airflow tries again."""
        del context
        self.hook = SubprocessHook()
        command = ["csms-rekey", "go", MANIFEST, "--run-dir", RUN_DIR]
        code = self.hook.run_command(command, env={**os.environ, **OPTIONS}).exit_code
        if code in NO_RETRY:
            raise AirflowFailException(f"csms-rekey ended with {code}; its report says what to fix")
        if code:
            raise AirflowException(f"csms-rekey ended with {code}; the next try continues")

    def on_kill(self) -> None:
        """It finishes what is in flight, for 20 seconds at most, and writes its reports."""
        self.hook.send_sigterm()


with DAG(
    dag_id="csms_rekey",
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
) as dag:
    RekeyOperator(
        task_id="rekey",
        retries=4,
        retry_delay=timedelta(minutes=10),
        execution_timeout=timedelta(hours=6),
    )
