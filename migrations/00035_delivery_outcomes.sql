-- +goose Up
-- What became of a message after it was handed over. The status keeps saying how
-- far the work is; the outcome says what the other side says, which may come
-- hours later, or never: a try whose end nobody saw is "unknown".

ALTER TABLE deliveries
    ADD COLUMN outcome       text NOT NULL DEFAULT 'queued'
        CHECK (outcome IN ('queued', 'kept', 'handed_over', 'delivered', 'refused', 'bounced', 'unknown')),
    ADD COLUMN outcome_at    timestamptz,
    ADD COLUMN outcome_code  text NOT NULL DEFAULT '',
    ADD COLUMN handing_since timestamptz,
    ADD COLUMN fallback_of   bigint REFERENCES deliveries (id) ON DELETE SET NULL;
COMMENT ON COLUMN deliveries.outcome_code IS 'the service''s word for it, e.g. UNDELIV';
COMMENT ON COLUMN deliveries.handing_since IS 'a hand-over has begun, and its end is not written down yet';
COMMENT ON COLUMN deliveries.fallback_of IS 'the delivery by another medium that was finally refused';
COMMENT ON COLUMN deliveries.transport IS 'what took it: smtp, huawei, webhook, log, none';
UPDATE deliveries
   SET outcome = CASE WHEN status = 'succeeded' AND transport IN ('none', 'log') THEN 'kept'
                      WHEN status = 'succeeded' THEN 'handed_over'
                      ELSE 'refused' END,
       outcome_at = COALESCE(sent_at, created_at)
 WHERE status = 'succeeded'
    OR status = 'failed' AND last_error ->> 'code' IN ('refused', 'invalid');
CREATE INDEX deliveries_outcome ON deliveries (outcome, id DESC);
CREATE INDEX deliveries_fallback ON deliveries (fallback_of) WHERE fallback_of IS NOT NULL;
CREATE INDEX deliveries_provider ON deliveries (provider_ref) WHERE provider_ref <> '' AND medium = 'sms';

-- What services said of messages; each thing once, however often they say it.
CREATE TABLE delivery_receipts (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id  bigint      NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    message_ref  text        NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT now(),
    at           timestamptz NOT NULL,
    source       text        NOT NULL,
    provider_ref text        NOT NULL,
    outcome      text        NOT NULL CHECK (outcome IN ('handed_over', 'delivered', 'refused', 'bounced', 'unknown')),
    code         text        NOT NULL,
    note         text        NOT NULL,
    part         smallint    NOT NULL,
    parts        smallint    NOT NULL
);
COMMENT ON COLUMN delivery_receipts.message_ref IS 'of the sending that it is about: a resend has another';
COMMENT ON COLUMN delivery_receipts.source IS 'what said it: a transport, or the API token or operator';
CREATE UNIQUE INDEX delivery_receipts_once ON delivery_receipts (delivery_id, message_ref, part, outcome, code);

-- +goose Down
DROP TABLE delivery_receipts;
DROP INDEX deliveries_provider;
DROP INDEX deliveries_fallback;
DROP INDEX deliveries_outcome;
ALTER TABLE deliveries
    DROP COLUMN fallback_of,
    DROP COLUMN handing_since,
    DROP COLUMN outcome_code,
    DROP COLUMN outcome_at,
    DROP COLUMN outcome;
