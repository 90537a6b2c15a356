"""Every way this project says no, in one tree.

    ForecasterError
    ├── InputError            what the user gave cannot be used (exit code 2)
    │   ├── DataError         a file or a series
    │   ├── ConfigError       an option, a setting or a configuration file
    │   └── ModelNotFound     no model or version of that name
    ├── ArtifactError         a model folder is damaged or foreign (exit code 1)
    ├── BusyError             somebody else has it in hand just now (exit code 1)
    └── TrainingError         training could not go on (exit code 1)

A message says what was expected, what came, and what to do, in one line.
"""


class ForecasterError(Exception):
    """Base of every error that is meant to be read by a user."""


class InputError(ForecasterError):
    """What the user gave cannot be used as it is."""


class DataError(InputError):
    """A file or a series cannot be used; names the series and the place."""


class ConfigError(InputError):
    """An option, a setting or a configuration file cannot be used."""


class ModelNotFound(InputError):  # noqa: N818 - reads as a sentence where it is caught
    """No model, version or alias of that name; names those that exist."""


class ArtifactError(ForecasterError):
    """A model folder is damaged, incomplete or not made by this project."""


class BusyError(ForecasterError):
    """Another process has it in hand just now; the same may work in a moment."""


class TrainingError(ForecasterError):
    """Training could not go on, for instance because the loss is not finite."""
