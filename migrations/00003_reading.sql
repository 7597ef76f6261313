-- +goose Up
-- Indexes for lists and searches. Those on the way of a callback are paid for
-- with each call, so they are few: what is rare has a partial index, and the
-- indexes of ids take the pattern class, which also finds the beginning of an id,
-- whatever the collation of the database, at the price of the ones they replace.

DROP INDEX messages_order;
CREATE INDEX messages_order ON messages (order_id text_pattern_ops) WHERE order_id <> '';
DROP INDEX messages_instance;
CREATE INDEX messages_instance ON messages (instance_id text_pattern_ops) WHERE instance_id <> '';
-- The published ids of order lines begin with the id of their order and are found by it.
CREATE INDEX messages_odd_line ON messages (order_line_id) WHERE NOT starts_with(order_line_id, order_id);
CREATE INDEX messages_channel ON messages (channel_id, last_received_at DESC, id DESC);
CREATE INDEX messages_test ON messages (last_received_at DESC, id DESC) WHERE test;
-- Nearly every message is of this generation: only the others need help to be found.
CREATE INDEX messages_protocol ON messages (protocol, last_received_at DESC, id DESC) WHERE protocol <> 'v2';
-- For acting on everything that failed, in order of id.
CREATE INDEX messages_failed ON messages (id) WHERE status = 'failed';
-- businessId is different on every arrival.
CREATE INDEX attempts_business ON attempts (business_id) WHERE business_id <> '';

DROP INDEX instances_instance_id;
CREATE UNIQUE INDEX instances_instance_id ON instances (instance_id text_pattern_ops);
DROP INDEX instances_order;
CREATE INDEX instances_order ON instances (order_id text_pattern_ops) WHERE order_id <> '';
CREATE INDEX instances_odd_line ON instances (order_line_id) WHERE NOT starts_with(order_line_id, order_id);
CREATE INDEX instances_channel ON instances (channel_id, id DESC);
CREATE INDEX instances_waiting ON instances (id DESC) WHERE status = 'provisioning' AND driver = 'manual';
CREATE INDEX instances_customer_name ON instances (lower(customer_name) text_pattern_ops) WHERE customer_name <> '';
CREATE INDEX instances_user_name ON instances (lower(user_name) text_pattern_ops) WHERE user_name <> '';

CREATE INDEX deliveries_medium ON deliveries (medium, id DESC);

DROP INDEX audit_recent;
CREATE INDEX audit_actor ON audit (actor, id DESC);
CREATE INDEX audit_action ON audit (action, id DESC);
CREATE INDEX audit_target ON audit (target, id DESC);

-- +goose Down
DROP INDEX audit_target;
DROP INDEX audit_action;
DROP INDEX audit_actor;
CREATE INDEX audit_recent ON audit (id DESC);
DROP INDEX deliveries_medium;
DROP INDEX instances_user_name;
DROP INDEX instances_customer_name;
DROP INDEX instances_waiting;
DROP INDEX instances_channel;
DROP INDEX instances_odd_line;
DROP INDEX instances_order;
CREATE INDEX instances_order ON instances (order_id);
DROP INDEX instances_instance_id;
CREATE UNIQUE INDEX instances_instance_id ON instances (instance_id);
DROP INDEX attempts_business;
DROP INDEX messages_failed;
DROP INDEX messages_protocol;
DROP INDEX messages_test;
DROP INDEX messages_channel;
DROP INDEX messages_odd_line;
DROP INDEX messages_instance;
CREATE INDEX messages_instance ON messages (instance_id) WHERE instance_id <> '';
DROP INDEX messages_order;
CREATE INDEX messages_order ON messages (order_id) WHERE order_id <> '';
