"""Jobs: rows that say what is to be done, who has it in hand, and what came of it.

The queue is the table itself. A worker *claims* a job: it is then the worker's for as long
as its *lease*, which it renews while it works. A lease that ran out was that of a worker
that is gone, and the job is taken up by the next. Whatever a worker writes about a job, it
writes only while the job is still its own (`leases`), so that a job ends once.
"""
