# A worker of the lab: it makes a share of a run's load. The project is mounted, the lab is not.
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
RUN python -m venv /opt/lab
WORKDIR /build
COPY requirements.txt ./
RUN /opt/lab/bin/pip install --no-cache-dir --disable-pip-version-check \
    --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY lab lab
COPY service service
RUN /opt/lab/bin/pip install --no-cache-dir --disable-pip-version-check \
    --no-deps --no-build-isolation .

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/lab /opt/lab
WORKDIR /project
ENV PATH=/opt/lab/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# a number, so that an orchestrator can see that it is not root
USER 10001:10001
CMD ["lab", "worker", "127.0.0.1:5557"]
