"""An embedded, in-memory CSMS with its IAM and KMS neighbours, on loopback, for rehearsals and tests."""
