"""A bare Flask route that answers always the same: what HTTP and Flask cost by themselves.

It reads the JSON of each request and answers the bytes of the file BARE_ANSWER, under
gunicorn with the settings of the service and nothing else of it.
"""

import os
from pathlib import Path

from flask import Flask, Response, request

app = Flask(__name__)
ANSWER = Path(os.environ["BARE_ANSWER"]).read_bytes()


@app.post("/predict")
def predict() -> Response:
    """Read the body, answer."""
    request.get_json()
    return Response(ANSWER, content_type="application/json")


@app.get("/health/ready")
def ready() -> str:
    """Answer as soon as there is somebody to."""
    return "{}"
