"""The tables, and the rows that a new database starts with."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    Table,
    Text,
    func,
)

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
