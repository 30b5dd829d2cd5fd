"""What those who run the service ask it."""

import os
import uuid

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from service.database import Database
from service.errors import NotReady
from service.http.dto import HealthResponse, ReadyResponse
from service.settings import ServiceSettings


def probes_router(
    settings: ServiceSettings, database: Database, registry: CollectorRegistry
) -> APIRouter:
    """The routes of the probes."""
    router = APIRouter(tags=["probes"])
    instance = str(uuid.uuid4())

    @router.get("/health")
    async def health() -> HealthResponse:
        return HealthResponse()

    @router.get("/ready")
    async def ready() -> ReadyResponse:
        if not await database.ready():
            raise NotReady("the database does not answer, or has no tables")
        return ReadyResponse(instance=instance, pid=os.getpid(), settings=settings.canonical())

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
