"""A command of ours with some constants or functions of the library changed, for the ablation.

    python -m benchmarks.patched forecaster.trainer:AVERAGE=0.0 -- train DATA --name NAME

For what no user should have to choose, and what a benchmark must be able to take away.
"""

import importlib
import sys


def change(text: str) -> None:
    """Set a number or a function of a module; it must be there.

    Args:
        text: `MODULE:NAME=NUMBER`, or `MODULE:NAME=MODULE:NAME` for a function.

    >>> change("benchmarks.patched:ANY=1")
    Traceback (most recent call last):
    SystemExit: benchmarks.patched:ANY=1: benchmarks.patched has no ANY
    """
    place, _, value = text.partition("=")
    module_name, _, name = place.partition(":")
    module = importlib.import_module(module_name)
    if not hasattr(module, name):
        raise SystemExit(f"{text}: {module_name} has no {name}")
    if ":" in value:
        other, _, function = value.partition(":")
        setattr(module, name, getattr(importlib.import_module(other), function))
    else:
        setattr(module, name, type(getattr(module, name))(float(value)))


def main() -> None:
    """Change what stands before `--`, run what stands behind."""
    from forecaster import cli
    from forecaster.cli.common import import_tensorflow

    import_tensorflow()
    middle = sys.argv.index("--")
    for text in sys.argv[1:middle]:
        change(text)
    sys.argv = ["forecaster", *sys.argv[middle + 1 :]]
    cli.main()


if __name__ == "__main__":
    main()
