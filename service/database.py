"""The database: its connections, its migration and whether it answers."""

import asyncio
from contextlib import aclosing

from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from service.errors import DatabaseBusy, DatabaseUnavailable
from service.schema import INVOICES_INDEX, SEED, metadata
from service.settings import ServiceSettings

# Any number does, as long as every process of the service uses the same.
_MIGRATION_LOCK = 7_305_114_922


class Database:
    """The connection pool and what is done with it outside of units of work."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        url = make_url(settings.database_url.get_secret_value())
        self._engine = create_async_engine(
            url.set(drivername="postgresql+asyncpg"),
            pool_size=settings.db_pool_size,
            max_overflow=settings.db_pool_overflow,
            pool_timeout=settings.db_pool_timeout_s,
        )
        self._lost: list[AsyncConnection] = []

    @property
    def pool_size(self) -> int:
        """How many connections may be in use."""
        return self._settings.db_pool_size + self._settings.db_pool_overflow

    def in_use(self) -> int:
        """How many connections are in use."""
        return self._engine.pool.checkedout()  # type: ignore[attr-defined, no-any-return]

    async def connect(self) -> AsyncConnection:
        """Take a connection of the pool; closing it gives it back."""
        try:
            return await self._engine.connect()
        except PoolTimeout as error:
            raise DatabaseBusy("no database connection became free in time") from error
        except (DBAPIError, OSError) as error:
            raise DatabaseUnavailable("the database cannot be reached") from error

    def lose(self, connection: AsyncConnection) -> None:
        """Never give a connection back; without a reference, the pool would get it back."""
        self._lost.append(connection)

    async def warm(self) -> None:
        """Open the pool's connections, so that no request pays for it."""
        # Held all at once: a connection given back would be taken again instead of a new one.
        attempts = [self.connect() for _ in range(self._settings.db_pool_size)]
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, AsyncConnection):
                await outcome.close()
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def ready(self) -> bool:
        """Whether the database answers and is migrated."""
        try:
            async with aclosing(await self.connect()) as connection:
                found = await connection.scalar(text("SELECT to_regclass('outbox')::text"))
        except (DatabaseBusy, DatabaseUnavailable, SQLAlchemyError):
            return False
        return found is not None

    async def migrate(self) -> None:
        """Create what is missing and seed what is new."""
        async with aclosing(await self.connect()) as connection:
            # Held until the commit: of several processes one migrates, the others find it done.
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            await connection.run_sync(self._migrate)
            await connection.commit()

    async def close(self) -> None:
        """Close every connection, the lost ones too."""
        for connection in self._lost:
            await connection.close()
        await self._engine.dispose()

    def _migrate(self, connection: Connection) -> None:
        metadata.create_all(connection)
        if self._settings.invoices_indexed:
            connection.execute(
                text(f"CREATE INDEX IF NOT EXISTS {INVOICES_INDEX} ON invoices (customer_id)")
            )
        else:
            connection.execute(text(f"DROP INDEX IF EXISTS {INVOICES_INDEX}"))
        if connection.scalar(text("SELECT NOT EXISTS (SELECT FROM stock)")):
            seeds = {
                "customers": self._settings.seed_customers,
                "invoices": self._settings.seed_invoices,
                "skus": self._settings.seed_skus,
            }
            for statement in SEED:
                connection.execute(text(statement), seeds)
            connection.execute(text("ANALYZE customers, invoices, stock"))
