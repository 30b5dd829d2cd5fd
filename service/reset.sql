-- Brings a database back to its seeded state, however much was ordered.
TRUNCATE order_lines, orders RESTART IDENTITY;
UPDATE stock SET available = opening WHERE available <> opening;
