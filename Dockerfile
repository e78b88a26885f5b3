# The worker and the control API, without MongoDB and Redis: docker-compose.yml puts them beside it.
#
#   docker build -t chatgrow-worker .
#   docker build -t chatgrow-worker --build-arg PACKAGES=ffmpeg .   # for MEDIA_CONVERT
#   docker build -t chatgrow-worker:demo --target demo .
#   docker run --rm --security-opt seccomp=seccomp.json chatgrow-worker:demo
#
# Chromium's sandbox needs user namespaces, which Docker's default seccomp profile refuses: seccomp.json
# allows them. Without it, `-e CHROMIUM_NO_SANDBOX=true` accepts the risk.
# The root file system may be read-only: `--read-only --tmpfs /tmp`.
ARG BASE=debian:12-slim

FROM ${BASE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
    && apt-get clean && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements requirements
RUN python3 -m venv .venv \
    && .venv/bin/python -m pip install --no-cache-dir --require-hashes -r requirements/production.txt \
        -r requirements/postgres.txt
# npm is needed here only: for wa-js and Swagger UI.
COPY package.json package-lock.json ./
RUN python3 -m venv /npm \
    && /npm/bin/python -m pip install --no-cache-dir --require-hashes -r requirements/node.txt \
    && PATH="/npm/bin:$PATH" npm ci --ignore-scripts --no-audit --no-fund --omit=dev \
    && find node_modules/swagger-ui-dist -name '*.map' -delete \
    && rm -rf /npm

FROM ${BASE} AS runtime
# More Debian packages: `ffmpeg`, which MEDIA_CONVERT needs.
ARG PACKAGES=
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates chromium-headless-shell curl libatomic1 python3 tini ${PACKAGES} \
    && apt-get clean && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --home-dir /app/var --shell /usr/sbin/nologin chatgrow
WORKDIR /app
COPY --from=build /app/.venv .venv
COPY --from=build /app/node_modules node_modules
COPY supervisord.conf ./
COPY scripts scripts
COPY sessions sessions
COPY chatgrow_worker chatgrow_worker
COPY business business
COPY control_api control_api
RUN mkdir var && chown chatgrow: var && .venv/bin/python -m compileall -q sessions chatgrow_worker business control_api
USER chatgrow
ENV PATH="/app/.venv/bin:$PATH" PYTHONUNBUFFERED=1 APP_ENV=production HOST=0.0.0.0
EXPOSE 5000
VOLUME /app/var
# tini reaps what browsers leave and hands signals on; every program stops in order on SIGTERM.
ENTRYPOINT ["tini", "--", "scripts/container.sh"]
CMD ["python", "-m", "control_api"]
HEALTHCHECK --start-period=30s --interval=10s --timeout=6s CMD ["python", "-c", \
    "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\", 5000)}/health/live', timeout=5)"]

# Everything in one container, embedded servers and the simulated WhatsApp Web too: to look at.
FROM runtime AS demo
USER root
RUN apt-get update \
    && apt-get install -y --no-install-recommends libcurl4 \
    && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY requirements.txt ./
RUN .venv/bin/python -m pip install --no-cache-dir --require-hashes -r requirements.txt
COPY tests tests
USER chatgrow
ENV APP_ENV=development HOST=127.0.0.1
HEALTHCHECK NONE
CMD ["python", "-m", "tests.demo"]

FROM runtime
