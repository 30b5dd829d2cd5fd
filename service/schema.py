"""The tables, and the rows that a new database starts with."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

SHARED_STOCK = "*"

customers = Table(
    "customers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("credit_limit_cents", BigInteger, nullable=False),
)

invoices = Table(
    "invoices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("customer_id", ForeignKey(customers.c.id), nullable=False),
    Column("amount_cents", Integer, nullable=False),
    Column("paid", Boolean, nullable=False),
)

stock = Table(
    "stock",
    metadata,
    Column("sku", Text, primary_key=True),
    Column("available", BigInteger, CheckConstraint("available >= 0"), nullable=False),
    Column("opening", BigInteger, nullable=False, comment="what reset.sql goes back to"),
)

orders = Table(
    "orders",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("customer_id", ForeignKey(customers.c.id), nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", ForeignKey(orders.c.id), primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("quantity", Integer, nullable=False),
    Column("unit_price_cents", Integer, nullable=False),
)

# Without a foreign key: the check would lock `orders` after this table, against the order in which
# everyone else takes their locks.
order_progress = Table(
    "order_progress",
    metadata,
    Column("order_id", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", SmallInteger, primary_key=True, autoincrement=False),
    Column("status", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

# Without a foreign key for the same reason.
order_documents = Table(
    "order_documents",
    metadata,
    Column("order_id", BigInteger, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

# A key is claimed before there is an answer; by the commit there is one.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("status", SmallInteger),
    Column("headers", JSONB),
    Column("body", LargeBinary),
)
Index("idempotency_keys_expires_at", idempotency_keys.c.expires_at)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True, comment="what consumers tell events by"),
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("last_error", Text),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("event_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("died_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

consumed_events = Table(
    "consumed_events",
    metadata,
    Column("consumer", Text, primary_key=True),
    Column("event_id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
# Rows come in the order of time, which this kind of index knows how to use at next to no cost.
Index("consumed_events_at", consumed_events.c.at, postgresql_using="brin")

# Created or dropped by the migration as configured: it is not part of the metadata's tables.
INVOICES_INDEX = "invoices_customer_id"

SEED = (
    """
    INSERT INTO customers (id, credit_limit_cents)
    SELECT n, 1000000000 FROM generate_series(1, :customers) n
    """,
    # Customers take turns, so that each has as many invoices as any other; a third is unpaid.
    """
    INSERT INTO invoices (id, customer_id, amount_cents, paid)
    SELECT n, (n - 1) % :customers + 1, 1000 + n * 37 % 9000, (n / :customers) % 3 <> 0
    FROM generate_series(1, :invoices) n
    """,
    """
    INSERT INTO stock (sku, available, opening)
    SELECT 'SKU-' || n, 1000000, 1000000 FROM generate_series(1, :skus) n
    """,
    """
    INSERT INTO stock (sku, available, opening) VALUES ('*', 1000000000000, 1000000000000)
    """,
)
