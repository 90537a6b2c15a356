"""`python -m forecaster`: the same as the command `forecaster`."""

from forecaster.cli import main

if __name__ == "__main__":
    main()
