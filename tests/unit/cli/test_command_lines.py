"""The options in the commands that are printed."""

from batch.cli.command_lines import login_options, options_of_run
from jobs.rate import Rate
from jobs.spec import AccountsFile, Agency, Auth, JobSpec, Limits


def test_a_run_of_a_plan_gets_its_limits_and_its_login_and_nothing_that_the_plan_decides() -> None:
    spec = JobSpec(
        endpoint="https://kms.example.com",
        project_id="a" * 32,
        only=("db-*",),
        auth=Auth.IAM,
        profile="night",
        limits=Limits(rate=Rate(20.0), max_outage_s=60.0),
    )
    words = "--auth iam --rate 5/s --max-outage 1m --profile night"
    assert " ".join(options_of_run(spec, Rate(5.0))) == words
    assert options_of_run(JobSpec(), Limits().rate) == ()


def test_a_login_is_named_by_its_profile_its_agency_and_its_accounts() -> None:
    spec = JobSpec(agency=Agency(name="rotate", domain="corp"), accounts=AccountsFile(path="a.toml", names=("red",)))
    assert " ".join(login_options(spec)) == "--agency rotate --agency-domain corp --accounts a.toml"
