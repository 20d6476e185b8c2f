# One image for `mexp controller`, `mexp collector` and `mexp comparator`: runs as nobody, needs no writable root
# (give it /tmp).
# The base is named by tag; a release names it by digest.

FROM python:3.11-slim AS build
ENV UV_PROJECT_ENVIRONMENT=/opt/venv \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /source
# Dependencies first: they change seldom, so this layer is kept.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --extra postgresql --no-install-project
COPY README.md LICENSE ./
COPY operator ./operator
RUN uv sync --frozen --no-dev --extra postgresql --no-editable

FROM python:3.11-slim
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /tmp
USER 65532:65532
ENTRYPOINT ["mexp"]
