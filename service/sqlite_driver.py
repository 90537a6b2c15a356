"""The SQLite that `pysqlite3` brings, whichever other one the process has loaded.

TensorFlow brings a SQLite too and shows its names to all libraries loaded after it; an
older one, that may damage a file with several writers. A library that looks up names in
itself first is not misled. It finds no replacements of functions of the system either
(LD_PRELOAD), so that is left alone where TensorFlow is not there, as in servers.
"""

import os
import sys

_FLAGS = sys.getdlopenflags()
if "tensorflow" in sys.modules:
    sys.setdlopenflags(_FLAGS | getattr(os, "RTLD_DEEPBIND", 0))  # glibc has it
try:
    import pysqlite3.dbapi2 as sqlite
finally:
    sys.setdlopenflags(_FLAGS)

__all__ = ["sqlite"]
