"""`python -m suite`, which is how launchers such as torchrun start it."""

from suite.cli.main import main

if __name__ == "__main__":
    main()
