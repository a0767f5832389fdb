"""The recipes' files."""
