-- Functions whose answers are filled at once, which pgrx cannot declare: see file/reader.sql.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE FUNCTION quire.poll_events(project_uuid uuid, after_seq bigint DEFAULT 0, max_events integer DEFAULT 100,
                                  with_content boolean DEFAULT true, after_checksum text DEFAULT NULL)
RETURNS TABLE (seq bigint, event text, payload jsonb, committed_at timestamptz, checksum text)
STABLE SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'poll_events_wrapper';

CREATE FUNCTION quire.poll_subscription(project_uuid uuid, name text, max_events integer DEFAULT 100,
                                        lease interval DEFAULT '30 seconds', after_seq bigint DEFAULT NULL,
                                        after_checksum text DEFAULT NULL)
RETURNS TABLE (seq bigint, event text, payload jsonb, committed_at timestamptz, checksum text)
SET search_path = pg_catalog, pg_temp LANGUAGE c AS 'MODULE_PATHNAME', 'poll_subscription_wrapper';

SET LOCAL search_path TO quire, pg_temp;
