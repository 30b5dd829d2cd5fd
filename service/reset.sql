-- Brings a database back to its seeded state, however much was ordered.
-- The service may be at work: locked in the order in which it locks them itself, nothing waits in a
-- circle, and a delivery under way is over before its order goes.
LOCK TABLE idempotency_keys, stock, orders, order_lines, order_documents, outbox, dead_letters,
    consumed_events, order_progress IN ACCESS EXCLUSIVE MODE;
TRUNCATE idempotency_keys, orders, order_lines, order_documents, outbox, dead_letters,
    consumed_events, order_progress RESTART IDENTITY;
UPDATE stock SET available = opening WHERE available <> opening;
