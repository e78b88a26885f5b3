# One machine in a container: supervisord, the worker and the API; MongoDB and Redis from outside, or
# embedded, with their data in the volume.
#
#   docker build -t chatgrow-worker .
#   docker run --init --hostname chatgrow-worker -p 127.0.0.1:5000:5000 -v chatgrow:/app/var \
#       --security-opt seccomp=unconfined chatgrow-worker
#
# Chromium's sandbox needs user namespaces, which Docker's default seccomp profile refuses: give it a
# profile that allows them as above, or accept the risk with `-e CHROMIUM_NO_SANDBOX=true`.
# `--init` reaps the browsers' processes; a fixed host name keeps a profile's lock recognisable.
FROM debian:12-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements.txt package.json package-lock.json ./
COPY scripts scripts
RUN scripts/setup.sh && rm -rf /var/lib/apt/lists/*

COPY . .
RUN useradd --system --home-dir /app/var chatgrow && mkdir -p var && chown chatgrow: var
USER chatgrow

ENV HOST=0.0.0.0
EXPOSE 5000
VOLUME /app/var
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=60s CMD [".venv/bin/python", "-c", \
    "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\", 5000)}/health/live', timeout=5)"]
CMD [".venv/bin/supervisord", "--configuration", "supervisord.conf"]
