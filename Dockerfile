# The server's image: built in one stage with the locked packages, run in another without a compiler, as nobody special.
FROM python:3.11-slim-bookworm AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
COPY pyproject.toml uv.lock README.md ./
RUN uv sync --locked --no-dev --extra server --no-install-project
COPY api ./api
COPY chain ./chain
COPY fiat ./fiat
COPY wallet ./wallet
RUN uv sync --locked --no-dev --extra server --no-editable

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /state tandem && install -d -o tandem -g tandem -m 0700 /state
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
USER tandem
WORKDIR /state
VOLUME /state
EXPOSE 8000
CMD ["tandem-server", "serve"]
