-- What a user would write without quire: one table that holds every version with its content, and PL/pgSQL that keeps it
-- consistent. ./dev bench measures quire against it.
--
-- It is written to be fast: no permission checks, no foreign keys, no triggers, one notification a call. It leaves out
-- what quire adds: access control, multi-file commits with deletes and moves, a chained log, deduplicated and compressed
-- content, undo. Its seq comes from an identity column, so a reader that polls by seq can miss a transaction that commits
-- late; a correct one would have to serialise the writers of a project, as quire does.

CREATE SCHEMA baseline;

CREATE TABLE baseline.project_files (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id         uuid NOT NULL,
    file_path          text COLLATE "C" NOT NULL,
    file_type          text NOT NULL,
    -- NULL in a tombstone, like the hash.
    content            text,
    -- 64 hex digits of SHA-256.
    content_hash       text,
    version            integer NOT NULL,
    parent_version_id  uuid,
    is_current_version boolean NOT NULL DEFAULT true,
    is_deleted         boolean NOT NULL DEFAULT false,
    created_by         uuid NOT NULL,
    last_modified_by   uuid NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    seq                bigint GENERATED ALWAYS AS IDENTITY,
    UNIQUE (project_id, file_path, version)
);
CREATE UNIQUE INDEX project_files_one_current ON baseline.project_files (project_id, file_path)
    WHERE is_current_version;
CREATE INDEX project_files_seq ON baseline.project_files (project_id, seq);

-- What a writer gets back, as from quire.
CREATE TYPE baseline.project_file_head AS (
    id                uuid,
    file_path         text,
    file_type         text,
    content_hash      text,
    version           integer,
    parent_version_id uuid,
    size              bigint,
    is_deleted        boolean,
    seq               bigint,
    updated_at        timestamptz
);

-- Who writes: what a web application puts into a setting at the start of its transaction.
CREATE FUNCTION baseline.actor() RETURNS uuid STABLE LANGUAGE sql
RETURN coalesce(nullif(current_setting('app.user_id', true), ''), '00000000-0000-0000-0000-000000000001')::uuid;

-- Saves a file; NULL as content makes a tombstone. Unchanged content makes no version.
CREATE FUNCTION baseline.upsert_project_file(project_uuid uuid, p_file_path text, p_content text,
                                             p_file_type text DEFAULT NULL, expected_version integer DEFAULT NULL,
                                             notify boolean DEFAULT true)
RETURNS baseline.project_file_head LANGUAGE plpgsql AS $$
DECLARE
    head     record;
    result   baseline.project_file_head;
    new_hash text := encode(sha256(convert_to(p_content, 'UTF8')), 'hex');
    actor    uuid := baseline.actor();
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(project_uuid::text || '/' || p_file_path, 0));

    SELECT f.id, f.file_type, f.content_hash, f.version, f.parent_version_id, f.is_deleted, f.seq, f.created_by,
           f.created_at, f.updated_at
    INTO head
    FROM baseline.project_files f
    WHERE f.project_id = project_uuid AND f.file_path = p_file_path AND f.is_current_version;

    IF expected_version IS NOT NULL
       AND expected_version <> (CASE WHEN head.id IS NULL OR head.is_deleted THEN 0 ELSE head.version END) THEN
        RAISE EXCEPTION 'expected version % of %, found %', expected_version, p_file_path, head.version
            USING ERRCODE = 'PT409';
    END IF;
    IF head.id IS NULL AND p_content IS NULL THEN
        RAISE EXCEPTION 'no file %', p_file_path USING ERRCODE = 'PT404';
    END IF;

    IF head.id IS NOT NULL AND head.content_hash IS NOT DISTINCT FROM new_hash THEN
        RETURN (head.id, p_file_path, head.file_type, head.content_hash, head.version, head.parent_version_id,
                octet_length(p_content), head.is_deleted, head.seq, head.updated_at)::baseline.project_file_head;
    END IF;

    IF head.id IS NOT NULL THEN
        UPDATE baseline.project_files SET is_current_version = false WHERE id = head.id;
    END IF;

    INSERT INTO baseline.project_files AS f
        (project_id, file_path, file_type, content, content_hash, version, parent_version_id, is_deleted,
         created_by, last_modified_by, created_at)
    VALUES (project_uuid, p_file_path,
            coalesce(p_file_type, head.file_type, substring(p_file_path FROM '\.([^./]+)$'), 'text'),
            p_content, new_hash, coalesce(head.version, 0) + 1, head.id, p_content IS NULL,
            coalesce(head.created_by, actor), actor, coalesce(head.created_at, now()))
    RETURNING f.id, f.file_path, f.file_type, f.content_hash, f.version, f.parent_version_id,
              octet_length(p_content), f.is_deleted, f.seq, f.updated_at
    INTO result;

    IF notify THEN
        PERFORM pg_notify('realtime:project:' || project_uuid,
            json_build_object('event', CASE WHEN p_content IS NULL THEN 'file:delete' ELSE 'file:update' END,
                              'seq', result.seq, 'timestamp', now())::text);
    END IF;
    RETURN result;
END
$$;

CREATE FUNCTION baseline.delete_project_file(project_uuid uuid, p_file_path text, expected_version integer DEFAULT NULL)
RETURNS baseline.project_file_head LANGUAGE sql AS $$
    SELECT baseline.upsert_project_file(project_uuid, p_file_path, NULL, NULL, expected_version)
$$;

-- Items: {file_path, content, file_type?, expected_version?}. In path order, so that two calls do not wait for each other
-- in a circle.
CREATE FUNCTION baseline.bulk_upsert_project_files(project_uuid uuid, files jsonb)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    item     record;
    head     baseline.project_file_head;
    outcomes jsonb[] := '{}';
BEGIN
    FOR item IN
        SELECT f.file_path, f.content, f.file_type, f.expected_version
        FROM jsonb_to_recordset(files) AS f (file_path text, content text, file_type text, expected_version integer)
        ORDER BY f.file_path COLLATE "C"
    LOOP
        head := baseline.upsert_project_file(project_uuid, item.file_path, item.content, item.file_type,
                                             item.expected_version, notify => false);
        outcomes := array_append(outcomes, jsonb_build_object('file_path', head.file_path, 'version', head.version,
                                                              'content_hash', head.content_hash));
    END LOOP;
    PERFORM pg_notify('realtime:project:' || project_uuid,
        json_build_object('event', 'bulk:apply', 'seq', head.seq, 'timestamp', now())::text);
    RETURN jsonb_build_object('success', true, 'seq', head.seq, 'files', to_jsonb(outcomes));
END
$$;

CREATE FUNCTION baseline.list_current_files(project_uuid uuid)
RETURNS TABLE (file_path text, file_type text, content text, content_hash text, version integer,
               updated_at timestamptz)
STABLE LANGUAGE sql AS $$
    SELECT f.file_path, f.file_type, f.content, f.content_hash, f.version, f.updated_at
    FROM baseline.project_files f
    WHERE f.project_id = project_uuid AND f.is_current_version AND NOT f.is_deleted
    ORDER BY f.file_path
$$;

-- The files as they were at a seq.
CREATE FUNCTION baseline.list_files_at(project_uuid uuid, at_seq bigint)
RETURNS TABLE (file_path text, file_type text, content text, content_hash text, version integer,
               updated_at timestamptz)
STABLE LANGUAGE sql AS $$
    SELECT t.file_path, t.file_type, t.content, t.content_hash, t.version, t.updated_at
    FROM (SELECT DISTINCT ON (f.file_path)
                 f.file_path, f.file_type, f.content, f.content_hash, f.version, f.updated_at, f.is_deleted
          FROM baseline.project_files f
          WHERE f.project_id = project_uuid AND f.seq <= at_seq
          ORDER BY f.file_path, f.version DESC) t
    WHERE NOT t.is_deleted
$$;

-- The events after a cursor, with payloads like quire's.
CREATE FUNCTION baseline.poll_events(project_uuid uuid, after_seq bigint, max_events integer, with_content boolean)
RETURNS TABLE (seq bigint, event text, payload jsonb, committed_at timestamptz)
STABLE LANGUAGE sql AS $$
    SELECT f.seq,
           CASE WHEN f.is_deleted THEN 'file:delete' ELSE 'file:update' END,
           jsonb_build_object('file_path', f.file_path, 'version', f.version, 'content_hash', f.content_hash,
                              'timestamp', f.updated_at, 'sender', f.last_modified_by)
               || CASE WHEN with_content THEN jsonb_build_object('content', f.content) ELSE '{}' END,
           f.updated_at
    FROM baseline.project_files f
    WHERE f.project_id = project_uuid AND f.seq > after_seq
    ORDER BY f.seq
    LIMIT max_events
$$;

-- Records as entity, attribute and value, with a trigger that keeps who changed what: the table a user would write.
CREATE TABLE baseline.entity_field (
    project_id  uuid NOT NULL,
    entity_type text NOT NULL,
    entity_id   text NOT NULL,
    field       text NOT NULL,
    value       jsonb,
    updated_by  uuid NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, entity_type, entity_id, field)
);

CREATE TABLE baseline.entity_audit (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id  uuid NOT NULL,
    entity_type text NOT NULL,
    entity_id   text NOT NULL,
    field       text NOT NULL,
    old_value   jsonb,
    new_value   jsonb,
    actor       uuid NOT NULL,
    at          timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION baseline.audit_entity_field() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO baseline.entity_audit (project_id, entity_type, entity_id, field, old_value, new_value, actor)
    VALUES (NEW.project_id, NEW.entity_type, NEW.entity_id, NEW.field,
            CASE WHEN TG_OP = 'UPDATE' THEN OLD.value END, NEW.value, NEW.updated_by);
    RETURN NEW;
END
$$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON baseline.entity_field
    FOR EACH ROW EXECUTE FUNCTION baseline.audit_entity_field();

CREATE FUNCTION baseline.set_fields(project_uuid uuid, entity_types text[], entity_ids text[], fields text[], "values" jsonb[])
RETURNS void LANGUAGE sql AS $$
    INSERT INTO baseline.entity_field AS e (project_id, entity_type, entity_id, field, value, updated_by)
    SELECT $1, n.entity_type, n.entity_id, n.field, n.value, baseline.actor()
    FROM unnest($2, $3, $4, $5) AS n (entity_type, entity_id, field, value)
    ON CONFLICT (project_id, entity_type, entity_id, field) DO UPDATE
    SET value = EXCLUDED.value, updated_by = EXCLUDED.updated_by, updated_at = now()
$$;
