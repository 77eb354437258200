"""Looks at what the service has, and changes nothing: lists, read page by page at the pace of everything else."""
