"""The manifest that moves a sandbox's secrets from their old key to the new one."""

import csv
import io

from batch.sandbox.world import World


def manifest_csv(world: World) -> str:
    """One line per secret, project by project, each to its project's new key.

    A `project_id` column is there only when there is more than one project to tell apart.
    """
    several = len(world.projects) > 1
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["secret_name", "kms_key_id", *(["project_id"] if several else [])])
    for project in world.projects.values():
        tail = [project.id] if several else []
        out.writerows([name, project.key_ids.new, *tail] for name in project.names)
    return text.getvalue()
