"""The SQLite that `pysqlite3` brings, whichever other one the process has loaded.

TensorFlow brings a SQLite too and shows its names to all libraries loaded after it; an
older one, that may damage a file with several writers. A library that looks up names in
itself first is not misled.
"""

import os
import sys

_FLAGS = sys.getdlopenflags()
sys.setdlopenflags(_FLAGS | getattr(os, "RTLD_DEEPBIND", 0))  # glibc has it
try:
    import pysqlite3.dbapi2 as sqlite
finally:
    sys.setdlopenflags(_FLAGS)

__all__ = ["sqlite"]
