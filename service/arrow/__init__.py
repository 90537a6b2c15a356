"""Arrow streams: long tables of points in, long tables of forecasts out.

The one place of the service that imports pyarrow, and itself imported only when the
first such request comes: it takes a second and 36 MB, which others need not pay.
"""

from service.arrow.answering import observed, predicted
from service.arrow.asking import read_series

__all__ = ["observed", "predicted", "read_series"]
