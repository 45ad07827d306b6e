-- Prints the page about errors after its title. Run by gen-docs.sh.

SET client_min_messages = warning;

-- Which functions say that they answer with a reason.
CREATE TEMP TABLE raised AS
SELECT p.proname::text AS f, m[1] AS sqlstate, m[2] AS reason
FROM pg_proc p, regexp_matches(obj_description(p.oid, 'pg_proc'), E'\n- ([0-9A-Z]{5}) ([a-z_]+): ', 'g') m
WHERE p.pronamespace = 'quire'::regnamespace;

DO $$
DECLARE
    wrong text;
BEGIN
    SELECT string_agg(r.f || ' ' || r.reason, ', ') INTO wrong
    FROM raised r WHERE NOT EXISTS (SELECT FROM quire_store.error_reasons() l WHERE l.reason = r.reason AND r.sqlstate = ANY (l.sqlstates));
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'descriptions name reasons that are not in the list: %', wrong;
    END IF;
    SELECT string_agg(l.reason, ', ') INTO wrong
    FROM quire_store.error_reasons() l WHERE l.reason NOT IN ('call_memory', 'out_of_memory') AND NOT EXISTS (SELECT FROM raised r WHERE r.reason = l.reason);
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'no description names these reasons: %', wrong;
    END IF;
END
$$;

\qecho 'An error of quire has one of the SQLSTATEs below, a short message for people, DETAIL for programs, and often a HINT that says what to'
\qecho 'do. DETAIL is one JSON object. Its member `code` has the name below; `reason`, where there is one, says more exactly what happened; the'
\qecho 'other members name what the error is about, such as `argument`, `file_path`, `limit`, `retry_after_ms` or `quarantine_id`. Go by these,'
\qecho 'never by the message, which may change.'
\qecho
\qecho 'PostgREST answers a SQLSTATE `PTnnn` with the HTTP status nnn. An error undoes what its statement wrote.'
\qecho
\qecho '- [Codes](#codes)'
\qecho '- [Reasons](#reasons)'
\qecho '- [What passes through](#what-passes-through)'
\qecho
\qecho '## Codes'
\qecho
\qecho '| SQLSTATE | `code` | when |'
\qecho '|---|---|---|'
SELECT format('| %s | %s | %s |', sqlstate, code, replace(description, '|', '\|')) FROM quire_store.error_codes();
\qecho
\qecho '## Reasons'
\qecho
\qecho '| `reason` | SQLSTATE | when | what to do | raised by |'
\qecho '|---|---|---|---|---|'
SELECT format('| `%s` | %s | %s | %s | %s |', l.reason, array_to_string(l.sqlstates, ', '), replace(l.meaning, '|', '\|'), replace(l.remedy, '|', '\|'),
    COALESCE((SELECT CASE WHEN count(*) > 12 THEN format('%s functions, such as ', count(*)) ELSE '' END
                  || string_agg(format('[`%s`](reference.md#%s)', r.f, r.f), ', ' ORDER BY r.f) FILTER (WHERE r.n <= 3 OR r.of <= 12)
              FROM (SELECT f, row_number() OVER (ORDER BY f = 'commit_bundle' DESC, f) AS n, count(*) OVER () AS of
                    FROM raised d WHERE d.reason = l.reason) r), 'every function'))
FROM quire_store.error_reasons() l ORDER BY l.sqlstates, l.reason COLLATE "C";
\qecho
\qecho '## What passes through'
\qecho
\qecho 'These come from PostgreSQL as they are, with its message and without a `code`. Each undoes the whole statement. Repeat a write with the'
\qecho 'same `correlation_id`: should it have been committed after all, it is not done twice.'
\qecho
\qecho '| SQLSTATE | when | what to do |'
\qecho '|---|---|---|'
\qecho '| 25006 read_only_sql_transaction | A function that writes is called in a read-only transaction or on a standby; also one that only presents a token whose uses are counted. | Send it to the primary, in a transaction that may write. |'
\qecho '| 40001 serialization_failure | A REPEATABLE READ or SERIALIZABLE transaction writes a project that somebody else has written, or in which content was collected, since the transaction began. On a standby: the query needed rows that the primary has removed. | Roll back and repeat the whole transaction, from its first read on. READ COMMITTED, the default, is all that quire needs. |'
\qecho '| 40P01 deadlock_detected | Two transactions write the same projects in different order. | Roll back and repeat the whole transaction. Write projects in one order everywhere, or one project in a transaction. |'
\qecho '| 55P03 lock_not_available | `lock_timeout` passed while the call waited for another writer of the project. | Try again later. `pg_stat_activity` shows who keeps a transaction open. |'
\qecho '| 57014 query_canceled | `statement_timeout` passed, or somebody cancelled the call. | Ask for less, or try again. |'
\qecho '| 53200 out_of_memory | PostgreSQL itself has no more memory for the answer. | Ask for less: a page, a part, without content. |'
