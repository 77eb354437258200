"""The manifest: reading a format and cutting rows out of it live together."""
