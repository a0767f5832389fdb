"""``python -m tidegate``: the command ``tidegate``, also where its folder is not on the path."""

from tidegate.cli.main import main

if __name__ == "__main__":
    main()
