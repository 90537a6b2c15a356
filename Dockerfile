# The service with the models of models/, or with one trained on data/sample.csv where
# there is none:
#
#   docker run -p 8080:8080 forecaster
#   docker run -p 8080:8080 -v "$PWD/models:/models:ro" -v forecaster:/state forecaster
#
# Any other verb runs the same way: docker run forecaster models list
FROM python:3.11-slim-bookworm

WORKDIR /app
RUN useradd --system --uid 10001 --home-dir /tmp --no-create-home forecaster \
    && install --directory --owner forecaster --group nogroup /models /state

# The large layer first: it is built again only when a requirement changes.
COPY requirements-base.txt requirements.txt ./
RUN pip install --no-cache-dir --requirement requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY forecaster forecaster
COPY service service
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && chmod -R a+rX /app

ENV FORECASTER_MODELS_DIR=/models \
    FORECASTER_DATABASE=sqlite:////state/forecaster.db \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp

# By number, so that an orchestrator can see that it is not root.
USER 10001
COPY --chown=forecaster data data
COPY --chown=forecaster models /models
RUN ls /models/*/*/manifest.json 2>/dev/null \
    || forecaster train data/sample.csv --name demo --horizon 12

# Declared last: what is written to a volume's folder after this line is lost.
VOLUME ["/models", "/state"]
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('FORECASTER_PORT') or 8080), timeout=4); c.request('GET', '/health/ready'); raise SystemExit(c.getresponse().status != 200)"]

# `serve` becomes gunicorn, which is process 1 and ends with code 0 on SIGTERM.
# --insecure: the network of a container is private until a port of it is published,
# and 127.0.0.1 in here could not be published at all. Who publishes the port beyond
# the machine decides who can reach it. Once there is an API key it is asked for all the
# same: docker exec CONTAINER forecaster keys create --name NAME --scope admin
ENTRYPOINT ["forecaster"]
CMD ["serve", "--host", "0.0.0.0", "--insecure"]
