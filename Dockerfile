# syntax=docker/dockerfile:1
# The image of fairlead: no compiler, no shell needed, one numeric user, state in one volume.
#
#   docker build -t fairlead .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     -v fairlead-state:/var/lib/fairlead -v ./etc:/etc/fairlead:ro fairlead
#
# The base is named by tag. Who wants the very same bytes at each build passes the digest of the
# tag's present image (docker buildx imagetools inspect python:3.13-slim-trixie shows it):
#   docker build --build-arg PYTHON_IMAGE=python:3.13-slim-trixie@sha256:<digest> .
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/fairlead
WORKDIR /build
# The lock first: this layer is built again only when the lock changes.
COPY requirements.txt ./
RUN /opt/fairlead/bin/pip install --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY connectors connectors
# pip compiles what it installs, so the read-only image starts without compiling again.
RUN /opt/fairlead/bin/pip install --no-deps --no-build-isolation . \
    && /opt/fairlead/bin/fairlead --help > /dev/null

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="fairlead" \
      org.opencontainers.image.description="Routes leads in Salesforce and HubSpot: fairly, once, and with a reason for each." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/fairlead /opt/fairlead
# The folder belongs to the numeric user, and so does a fresh volume that is mounted there.
RUN install -d -m 0700 -o 10001 -g 10001 /var/lib/fairlead \
    && install -d -m 0755 /etc/fairlead
ENV PATH=/opt/fairlead/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    STATE_DIRECTORY=/var/lib/fairlead
USER 10001:10001
WORKDIR /var/lib/fairlead
VOLUME ["/var/lib/fairlead"]
STOPSIGNAL SIGTERM
# Asks the daemon itself. The address is the default one of `listen`; python is lighter than a
# whole fairlead command every half minute.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9464/healthz', timeout=4)"]
ENTRYPOINT ["fairlead"]
CMD ["run"]
