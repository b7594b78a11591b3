# The monitor, the turbines and the dashboard in one image; the command says which.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY gridws gridws
RUN python -m venv /opt/gridws \
 && /opt/gridws/bin/pip install --no-cache-dir --disable-pip-version-check '.[dashboard,postgres]' \
 && /opt/gridws/bin/python -m compileall -q /opt/gridws

FROM python:3.12-slim
COPY --from=build /opt/gridws /opt/gridws
# Nothing is written but the database: the root file system may be read-only.
RUN useradd --system --uid 10001 --home-dir /data gridws && install -d -o gridws /data /ranges
ENV PATH=/opt/gridws/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GRIDWS_DATABASE=/data/gridws.db
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8787 8788
# The exec form: SIGTERM reaches gridws itself, which ends within 6 s.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8787/healthz', timeout=2)"]
ENTRYPOINT ["gridws"]
# Inside a container the loopback is of no use. Whoever publishes the port decides who reaches it;
# set GRIDWS_SECRET and the --ssl options, and leave --insecure out, before anybody outside does.
CMD ["monitor", "--host", "0.0.0.0", "--insecure"]
