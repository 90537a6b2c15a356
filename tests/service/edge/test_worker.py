"""Laws of what a worker leaves behind."""

from pathlib import Path

from service.edge.worker import Wakeups


def test_a_thread_that_is_late_writes_into_no_other_file(tmp_path: Path) -> None:
    """After the loop has ended, files are opened whose numbers may be those of its pipe."""
    wakeups = Wakeups()
    wakeups.init()
    wakeups.close()
    files = [(tmp_path / str(i)).open("wb") for i in range(20)]
    wakeups.defer(print)
    for file in files:
        file.close()
    assert {one.stat().st_size for one in tmp_path.iterdir()} == {0}
