"""Archives: what a store holds, whole or some series of it, in one file.

A zip of `manifest.json` and of an Arrow stream for each table, which any of the databases
can be read into. Imported by the command line alone, for it brings pyarrow along.
"""

from service.archive.contents import Contents
from service.archive.loading import restore
from service.archive.reading import Archive
from service.archive.saving import save, save_series
from service.archive.taking import take_in

__all__ = ["Archive", "Contents", "restore", "save", "save_series", "take_in"]
