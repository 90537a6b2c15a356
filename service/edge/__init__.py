"""Between gunicorn and the app: clients may be as slow as they like, threads never wait.

``worker.Worker`` is gunicorn's threaded worker with one difference: the loop that accepts
connections also reads requests and writes answers, all of them at once and none of them
waiting. A thread gets a request when it is whole, and is free when the answer is made.
``clients`` knows who is connected and what is kept for them.
"""
