# The portal as a container: `docker build -t portal .`; compose.yaml runs it with what it needs.
FROM python:3.13-slim-bookworm AS build
WORKDIR /app
COPY . .
RUN python tools/set_up.py
RUN rm -rf .venv-scripts

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 portal && install -d -o portal /data
WORKDIR /app
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:$PATH PORTAL_HOME=/data PYTHONDONTWRITEBYTECODE=1
USER portal
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/api/health/ready', timeout=4)"]
CMD ["portal", "serve", "--host", "0.0.0.0"]
