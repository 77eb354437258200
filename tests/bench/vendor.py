"""The same PUTs by the vendor's SDK in threads, as its own examples would do it."""

import csv
import json
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcsms.v1 import CsmsClient, UpdateSecretRequest, UpdateSecretRequestBody

if __name__ == "__main__":
    _, url, ak, sk, project, manifest, threads, most = sys.argv
    with Path(manifest).open(newline="") as file:
        rows = [(row["secret_name"], row["kms_key_id"]) for row in csv.DictReader(file)][: int(most)]
    client = CsmsClient.new_builder().with_credentials(BasicCredentials(ak, sk, project)).with_endpoint(url).build()

    def put(row: tuple[str, str]) -> None:
        """One secret."""
        body = UpdateSecretRequestBody(kms_key_id=row[1])
        client.update_secret(UpdateSecretRequest(secret_name=row[0], body=body))

    began_s, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    with ThreadPoolExecutor(int(threads)) as pool:
        list(pool.map(put, rows))
    seconds, now = time.perf_counter() - began_s, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    print(json.dumps({"requests": len(rows), "seconds": seconds, "cpu_s": cpu_s}))
