"""What the commands that look write: tables, a JSON file and a page, in one style."""
