-- What every regression test starts from. Run once per database, by a superuser.
CREATE EXTENSION IF NOT EXISTS quire;

-- People: each a login role mapped to an actor of its own.
DO $$
DECLARE
    person text;
    number integer := 0;
BEGIN
    FOREACH person IN ARRAY ARRAY['regress_member', 'regress_alice', 'regress_bob', 'regress_carol'] LOOP
        number := number + 1;
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = person) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', person);
        END IF;
        EXECUTE format('GRANT quire_user TO %I', person);
        PERFORM quire.map_role_to_actor(person, format('00000000-0000-0000-0000-%s', lpad(number::text, 12, '0'))::uuid, person);
    END LOOP;
    -- Logs in, but has nothing to do with quire.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_outsider') THEN
        CREATE ROLE regress_outsider LOGIN;
    END IF;
    -- May use quire, but is nobody.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_nobody') THEN
        CREATE ROLE regress_nobody LOGIN;
    END IF;
    GRANT quire_user TO regress_nobody;
    -- May present a token, and nothing else.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_guest') THEN
        CREATE ROLE regress_guest LOGIN;
    END IF;
    GRANT quire_guest TO regress_guest;
END
$$;

-- Helpers of the tests.
CREATE SCHEMA t;
GRANT USAGE ON SCHEMA t TO PUBLIC;

-- The project of a test, by number.
CREATE FUNCTION t.id(n integer) RETURNS uuid IMMUTABLE LANGUAGE sql
RETURN ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid;

-- The actor of a person, by name.
CREATE FUNCTION t.actor(name text) RETURNS uuid IMMUTABLE LANGUAGE sql
RETURN ('00000000-0000-0000-0000-' || lpad(array_position(ARRAY['member', 'alice', 'bob', 'carol'], name)::text, 12, '0'))::uuid;

-- An operation that sets a field of an entity, as commit_bundle takes it.
CREATE FUNCTION t.set_field(field text, value jsonb) RETURNS jsonb IMMUTABLE LANGUAGE sql
RETURN jsonb_build_array(jsonb_build_object('op', 'field.set', 'entity_type', 't', 'entity_id', '1', 'field', field, 'value', value));

-- The first change of every document that begins here.
CREATE FUNCTION t.first_change() RETURNS bytea IMMUTABLE LANGUAGE sql
RETURN decode('856f4a839a59f20801180010717569726520666972737420646f632e010100000000', 'hex');

-- What a statement says to who presents a token, with these members of DETAIL; whatever it does is undone.
CREATE FUNCTION t.attempt(token text, statement text, members text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state  text;
    msg    text;
    detail text;
BEGIN
    PERFORM quire.authenticate(token);
    EXECUTE statement;
    RAISE EXCEPTION USING MESSAGE = 'done', ERRCODE = 'ZZ000';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, msg = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN CASE WHEN state = 'ZZ000' THEN 'ok' ELSE
        concat_ws(' | ', state, msg, (SELECT string_agg(substring(detail FROM format('"%s":"([^"]*)"', m)), ' | ' ORDER BY n)
                                      FROM unnest(members) WITH ORDINALITY u (m, n))) END;
END
$$;

-- What a statement fails with: SQLSTATE, code, reason, message.
CREATE FUNCTION t.error(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state  text;
    msg    text;
    detail text;
    body   jsonb;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, msg = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    BEGIN
        body := detail::jsonb;
    EXCEPTION WHEN OTHERS THEN
        body := NULL;
    END;
    RETURN concat_ws(' | ', state, body ->> 'code', body ->> 'reason', msg);
END
$$;

-- DETAIL of what a statement raises.
CREATE FUNCTION t.detail(statement text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN detail;
END
$$;

-- How many rows quire holds of a project, to show that a refused call leaves none.
CREATE FUNCTION t.rows(project uuid) RETURNS text
SECURITY DEFINER SET search_path = pg_catalog, pg_temp LANGUAGE sql AS $$
    SELECT format('bundles %s, versions %s, heads %s, blobs %s, requests %s, seq %s',
        (SELECT count(*) FROM quire_store.bundle WHERE project_id = project),
        (SELECT count(*) FROM quire_store.project_files WHERE project_id = project),
        (SELECT count(*) FROM quire_store.file_head WHERE project_id = project),
        (SELECT count(*) FROM quire_store.blob WHERE project_id = project),
        (SELECT count(*) FROM quire_store.request WHERE project_id = project),
        (SELECT seq FROM quire_store.project_head WHERE project_id = project))
$$;
GRANT CREATE ON DATABASE :DBNAME TO regress_member;
GRANT CREATE ON SCHEMA public TO regress_member;

-- Spoils rows, past the guards; for superusers.
CREATE PROCEDURE t.spoil(statement text) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL session_replication_role = replica;
    EXECUTE statement;
    SET LOCAL session_replication_role = origin;
END
$$;

-- Deletes a project, if it is still there, whoever owns it.
CREATE PROCEDURE t.drop(project uuid) LANGUAGE sql AS $$
    SELECT quire.delete_project(project_id, name) FROM quire_store.project WHERE project_id = $1
$$;

-- Calls of functions that touch a project, with whatever arguments; those that want something which is there are the tests' own.
CREATE TABLE t.call (f text, statement text);
INSERT INTO t.call VALUES
    ('get_project', 'SELECT quire.get_project(%s)'),
    ('update_project', 'SELECT quire.update_project(%s, ''{"name": "x"}'')'),
    ('archive_project', 'SELECT quire.archive_project(%s)'),
    ('unarchive_project', 'SELECT quire.unarchive_project(%s)'),
    ('set_project_member', 'SELECT quire.set_project_member(%s, t.actor(''carol''), ''owner'')'),
    ('list_project_members', 'SELECT * FROM quire.list_project_members(%s)'),
    ('tag_project', 'SELECT quire.tag_project(%s, ''v1'')'),
    ('list_current_files', 'SELECT * FROM quire.list_current_files(%s)'),
    ('list_files_at', 'SELECT * FROM quire.list_files_at(%s, 1)'),
    ('diff_project', 'SELECT * FROM quire.diff_project(%s, 0, 1)'),
    ('list_project_tags', 'SELECT * FROM quire.list_project_tags(%s)'),
    ('get_entity', 'SELECT quire.get_entity(%s, ''t'', ''1'')'),
    ('list_entities', 'SELECT * FROM quire.list_entities(%s, ''t'')'),
    ('entity_history', 'SELECT * FROM quire.entity_history(%s, ''t'', ''1'')'),
    ('list_entities_at', 'SELECT * FROM quire.list_entities_at(%s, 0)'),
    ('explain_entity', 'SELECT * FROM quire.explain_entity(%s, ''t'', ''1'')'),
    ('list_conflicts', 'SELECT * FROM quire.list_conflicts(%s)'),
    ('conflict_history', 'SELECT * FROM quire.conflict_history(%s, t.id(1))'),
    ('resolve_conflict', 'SELECT quire.resolve_conflict(%s, t.id(1), ''1'')'),
    ('apply_doc_changes', 'SELECT quire.apply_doc_changes(%s, ''d'', ARRAY[t.first_change()])'),
    ('submit_tx', 'SELECT quire.submit_tx(%s, jsonb_build_object(''writes'', jsonb_build_array(jsonb_build_object(''doc'', ''d'', ''changes'', jsonb_build_array(encode(t.first_change(), ''base64''))))))'),
    ('edit_doc', 'SELECT quire.edit_doc(%s, ''d'', ''[{"op": "add", "path": "/a", "value": 1}]'')'),
    ('put_doc', 'SELECT quire.put_doc(%s, ''d'', ''{"a": 1}'')'),
    ('splice_doc_text', 'SELECT quire.splice_doc_text(%s, ''d'', ''/t'', 0, 0, ''x'')'),
    ('delete_doc', 'SELECT quire.delete_doc(%s, ''d'')'),
    ('read_doc', 'SELECT quire.read_doc(%s, ''d'')'),
    ('read_doc_bytes', 'SELECT quire.read_doc_bytes(%s, ''d'')'),
    ('diff_doc', 'SELECT quire.diff_doc(%s, ''d'', ''{}'')'),
    ('doc_conflicts', 'SELECT quire.doc_conflicts(%s, ''d'')'),
    ('explain_doc', 'SELECT quire.explain_doc(%s, ''d'', ''/a'')'),
    ('list_docs', 'SELECT * FROM quire.list_docs(%s)'),
    ('query_docs', 'SELECT quire.query_docs(%s, ''{}'')'),
    ('explain_query', 'SELECT quire.explain_query(%s, ''{}'')'),
    ('register_schema', 'SELECT quire.register_schema(%s, ''s'', ''{}'')'),
    ('delete_schema', 'SELECT quire.delete_schema(%s, ''none'')'),
    ('bind_doc_to_file', 'SELECT quire.bind_doc_to_file(%s, ''d'', ''f'')'),
    ('unbind_doc', 'SELECT quire.unbind_doc(%s, ''none'')'),
    ('list_doc_bindings', 'SELECT * FROM quire.list_doc_bindings(%s)'),
    ('list_schemas', 'SELECT * FROM quire.list_schemas(%s)'),
    ('doc_history', 'SELECT * FROM quire.doc_history(%s, ''d'')'),
    ('storage_load', 'SELECT quire.storage_load(%s, ''{d,snapshot,x}'')'),
    ('storage_load_range', 'SELECT * FROM quire.storage_load_range(%s, ''{d}'')'),
    ('storage_save', 'SELECT quire.storage_save(%s, ''{storage-adapter-id}'', ''x'')'),
    ('storage_remove', 'SELECT quire.storage_remove(%s, ''{storage-adapter-id}'')'),
    ('storage_remove_range', 'SELECT quire.storage_remove_range(%s, ''{d,sync-state}'')'),
    ('sync_doc', 'SELECT * FROM quire.sync_doc(%s, ''d'', ''main'', NULL, NULL)'),
    ('undo', 'SELECT quire.undo(%s)'),
    ('redo', 'SELECT quire.redo(%s)'),
    ('revert_bundle', 'SELECT quire.revert_bundle(%s, 1)'),
    ('list_undoable', 'SELECT * FROM quire.list_undoable(%s)'),
    ('search_ops', 'SELECT * FROM quire.search_ops(%s)'),
    ('get_bundle', 'SELECT quire.get_bundle(%s, 1)'),
    ('verify_project', 'SELECT quire.verify_project(%s)'),
    ('replay_project', 'SELECT quire.replay_project(%s)'),
    ('list_quarantine', 'SELECT * FROM quire.list_quarantine(%s)'),
    ('repair', 'SELECT quire.repair(%s, t.id(1))'),
    ('discard_quarantined', 'SELECT quire.discard_quarantined(%s, t.id(1), ''x'')'),
    ('begin_job', 'SELECT quire.begin_job(%s, ''x'')'),
    ('append_job_ops', 'SELECT quire.append_job_ops(%s, t.id(1), ''[{"op": "file.delete", "file_path": "a"}]'')'),
    ('heartbeat_job', 'SELECT quire.heartbeat_job(%s, t.id(1))'),
    ('finish_job', 'SELECT quire.finish_job(%s, t.id(1))'),
    ('cancel_job', 'SELECT quire.cancel_job(%s, t.id(1), ''x'')'),
    ('list_jobs', 'SELECT * FROM quire.list_jobs(%s)'),
    ('sync_pull', 'SELECT quire.sync_pull(%s, ''p'')'),
    ('sync_ack', 'SELECT quire.sync_ack(%s, ''p'', 0)'),
    ('sync_push', 'SELECT * FROM quire.sync_push(%s, ''p'', 0, ''[]'')'),
    ('sync_reset', 'SELECT quire.sync_reset(%s, ''p'')'),
    ('sync_status', 'SELECT quire.sync_status(%s, ''p'')'),
    ('put_asset', 'SELECT quire.put_asset(%s, ''a.png'', ''x'', ''image/png'', ''image'')'),
    ('delete_asset', 'SELECT quire.delete_asset(%s, repeat(''0'', 64))'),
    ('get_asset', 'SELECT quire.get_asset(%s, repeat(''0'', 64))'),
    ('read_asset_range', 'SELECT quire.read_asset_range(%s, repeat(''0'', 64))'),
    ('list_assets', 'SELECT * FROM quire.list_assets(%s)'),
    ('begin_upload', 'SELECT quire.begin_upload(%s, ''a.png'', ''image/png'', ''image'')'),
    ('append_upload', 'SELECT quire.append_upload(%s, t.id(1), 1, ''x'')'),
    ('finish_upload', 'SELECT quire.finish_upload(%s, t.id(1))'),
    ('gc_plan', 'SELECT * FROM quire.gc_plan(%s)'),
    ('gc_run', 'SELECT quire.gc_run(%s)'),
    ('archive_blob', 'SELECT quire.archive_blob(%s, repeat(''0'', 64), repeat(''0'', 64))'),
    ('restore_blob', 'SELECT quire.restore_blob(%s, repeat(''0'', 64), ''x'')'),
    ('poll_events', 'SELECT * FROM quire.poll_events(%s)'),
    ('create_subscription', 'SELECT quire.create_subscription(%s, ''s'')'),
    ('poll_subscription', 'SELECT * FROM quire.poll_subscription(%s, ''of alice'')'),
    ('ack_subscription', 'SELECT quire.ack_subscription(%s, ''of alice'', 0)'),
    ('list_subscriptions', 'SELECT * FROM quire.list_subscriptions(%s)'),
    ('delete_subscription', 'SELECT quire.delete_subscription(%s, ''of alice'')'),
    ('create_project_snapshot', 'SELECT quire.create_project_snapshot(%s)'),
    ('list_snapshots', 'SELECT * FROM quire.list_snapshots(%s)'),
    ('plan_hydration', 'SELECT quire.plan_hydration(%s, ''{}'')'),
    ('begin_session', 'SELECT quire.begin_session(%s)'),
    ('finish_session', 'SELECT quire.finish_session(%s, t.id(1))'),
    ('mint_token', 'SELECT quire.mint_token(%s, ''{project:read}'', ''1 hour'')'),
    ('revoke_token', 'SELECT quire.revoke_token(%s, t.id(1))'),
    ('revoke_ucan', 'SELECT quire.revoke_ucan(%s, ''bafkreibvv43zt5dfzwr5ejms3oeb5rkazufzkvqs6v3izwwlj64jmrchci'')'),
    ('list_tokens', 'SELECT * FROM quire.list_tokens(%s)'),
    ('get_project_stats', 'SELECT quire.get_project_stats(%s)'),
    ('create_template', 'SELECT quire.create_template(%s, ''copied'')'),
    ('create_project_from_template', 'SELECT quire.create_project_from_template(%s, ''copied'')'),
    ('export_project', 'SELECT quire.export_project(%s)'),
    ('clone_project', 'SELECT quire.clone_project(%s, ''copied'')'),
    ('open_channel', 'SELECT quire.open_channel(%s)'),
    ('rotate_channel', 'SELECT quire.rotate_channel(%s)');
GRANT SELECT ON t.call TO PUBLIC;
