"""The cases, one file a family; each gives ``Case`` objects to the runner."""
