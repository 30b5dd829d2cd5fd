"""What those who run the service ask it."""

import os

from fastapi import APIRouter, Response, status
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from service.database import Database
from service.errors import NotReady
from service.http.dto import HealthResponse, ReadyResponse
from service.http.errors import answers
from service.settings import ServiceSettings

_METRICS = {
    **answers(),
    status.HTTP_200_OK: {"content": {"text/plain": {"schema": {"type": "string"}}}},
}


def probes_router(
    settings: ServiceSettings, database: Database, registry: CollectorRegistry, instance: str
) -> APIRouter:
    """The routes of the probes."""
    router = APIRouter(tags=["probes"])

    @router.get("/health", responses=answers())
    async def health() -> HealthResponse:
        return HealthResponse()

    @router.get("/ready", responses=answers(NotReady))
    async def ready() -> ReadyResponse:
        if not await database.ready():
            raise NotReady("the database does not answer, or has no tables")
        return ReadyResponse(instance=instance, pid=os.getpid(), settings=settings.canonical())

    if settings.metrics:

        @router.get("/metrics", response_class=Response, responses=_METRICS)
        async def metrics() -> Response:
            return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
