// Judges the stand-in by PostgREST's own documentation: each test names the page and section that its case comes from,
// below https://docs.postgrest.org/en/stable/references/. Functions and answers are the ones printed there, unless a
// comment says otherwise.

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { accessToken, asAdmin, sign, url } from './client.mjs'

const SCHEMA = `
  DROP SCHEMA IF EXISTS api CASCADE;
  CREATE SCHEMA api;
  SET search_path = api;

  CREATE FUNCTION add_them(a integer, b integer) RETURNS integer AS $$ SELECT a + b; $$ LANGUAGE SQL IMMUTABLE;
  CREATE FUNCTION plus_one(arr int[]) RETURNS int[] AS $$ SELECT array_agg(n + 1) FROM unnest($1) AS n; $$ LANGUAGE sql;
  CREATE FUNCTION plus_each(VARIADIC v int[]) RETURNS int[] AS $$ SELECT array_agg(n + 1) FROM unnest($1) AS n; $$ LANGUAGE sql;
  CREATE FUNCTION titles(p_json jsonb) RETURNS text AS $$
    SELECT string_agg(item ->> 'data_text', ',') FROM jsonb_array_elements(p_json) item; $$ LANGUAGE sql;
  CREATE FUNCTION rental_duration(customer_id integer) RETURNS text AS $$ SELECT 'by customer' $$ LANGUAGE sql STABLE;
  CREATE FUNCTION rental_duration(customer_id integer, from_date date) RETURNS text AS $$
    SELECT 'since ' || from_date $$ LANGUAGE sql STABLE;
  CREATE FUNCTION with_default(a integer, b integer DEFAULT 40) RETURNS integer AS $$ SELECT a + b; $$ LANGUAGE sql STABLE;

  CREATE TABLE films (title text, rating numeric);
  INSERT INTO films VALUES ('Okja', 7.4), ('Call me by your name', 8), ('Blade Runner 2049', 8.1);
  CREATE FUNCTION best_films_2017() RETURNS SETOF films AS 'SELECT * FROM films' LANGUAGE sql STABLE;
  CREATE FUNCTION best_film() RETURNS films AS 'SELECT * FROM films WHERE rating > 8' LANGUAGE sql STABLE;
  CREATE FUNCTION no_films() RETURNS TABLE (title text) AS 'SELECT title FROM films WHERE false' LANGUAGE sql STABLE;
  CREATE VIEW good_films AS SELECT * FROM films;

  CREATE TABLE counter (n integer);
  CREATE FUNCTION count_up() RETURNS void AS 'INSERT INTO counter VALUES (1)' LANGUAGE sql VOLATILE;
  CREATE SEQUENCE callcounter_count START 1;
  CREATE VIEW callcounter AS SELECT nextval('api.callcounter_count');
  CREATE FUNCTION liar() RETURNS bigint AS $$ SELECT nextval('api.callcounter_count') $$ LANGUAGE sql STABLE;
  CREATE FUNCTION count() RETURNS bigint AS 'SELECT count(*) FROM counter' LANGUAGE sql STABLE;

  CREATE FUNCTION setting(name text) RETURNS text AS 'SELECT current_setting(name, true)' LANGUAGE sql STABLE;
  CREATE FUNCTION cached() RETURNS integer AS $$ SELECT set_config('response.headers',
    '[{"Cache-Control": "public"}, {"Cache-Control": "max-age=259200"}]', true); SELECT 1 $$ LANGUAGE sql;
  CREATE FUNCTION bad_headers() RETURNS text AS $$ SELECT set_config('response.headers', '{"a": "b", "c": "d"}', true) $$ LANGUAGE sql;
  CREATE FUNCTION bad_status() RETURNS text AS $$ SELECT set_config('response.status', 'teapot', true) $$ LANGUAGE sql;
  CREATE FUNCTION teapot() RETURNS json AS $$ BEGIN
    PERFORM set_config('response.status', '418', true);
    RETURN json_build_object('message', 'The requested entity body is short and stout.', 'hint', 'Tip it over and pour it out.');
  END $$ LANGUAGE plpgsql;

  CREATE FUNCTION just_fail() RETURNS void AS $$ BEGIN
    RAISE EXCEPTION 'I refuse!' USING DETAIL = 'Pretty simple', HINT = 'There is nothing you can do.';
  END $$ LANGUAGE plpgsql;
  CREATE FUNCTION fail_with(state text) RETURNS void AS $$ BEGIN
    RAISE EXCEPTION USING errcode = state, message = 'Payment Required', detail = 'Quota exceeded', hint = 'Upgrade your plan';
  END $$ LANGUAGE plpgsql;

  CREATE DOMAIN "application/vnd.twkb" AS bytea;
  CREATE FUNCTION get_line(id int) RETURNS "application/vnd.twkb" AS $$ SELECT '\\xa2000200'::bytea $$ LANGUAGE sql STABLE;
  CREATE DOMAIN "*/*" AS bytea;
  CREATE FUNCTION file(type text) RETURNS "*/*" AS $$
    SELECT set_config('response.headers', format(
      '[{"Content-Type": "%s"}, {"Content-Disposition": "inline; filename=\\"cat\\""}]', type), true);
    SELECT '\\x00ff00'::bytea $$ LANGUAGE sql STABLE;
  CREATE FUNCTION any_type() RETURNS "*/*" AS $$ SELECT '\\x00ff00'::bytea $$ LANGUAGE sql STABLE;

  GRANT USAGE ON SCHEMA api TO anon, authenticated;
  GRANT SELECT ON films, good_films TO anon, authenticated;
  GRANT SELECT, INSERT ON counter TO anon;
  GRANT SELECT ON callcounter TO anon;
  GRANT USAGE ON SEQUENCE callcounter_count TO anon;`

before(() => asAdmin(SCHEMA))

// The parts of an answer; body is parsed when it is JSON.
async function ask(path, { method = 'GET', body, headers = {} } = {}) {
  const profile = { 'Accept-Profile': 'api', 'Content-Profile': 'api', 'Content-Type': 'application/json' }
  const response = await fetch(`${url}/rest/v1${path}`, { method, body, headers: { ...profile, ...headers } })
  const bytes = Buffer.from(await response.arrayBuffer())
  const type = response.headers.get('content-type')
  const isJson = type?.includes('json') && bytes.length
  return { status: response.status, type, headers: response.headers, body: isJson ? JSON.parse(bytes) : bytes }
}
const post = (path, args, headers) =>
  ask(path, { method: 'POST', body: typeof args === 'string' ? args : JSON.stringify(args), headers })
const bearer = (token) => ({ headers: { Authorization: `Bearer ${token}` } })
const USER = '00000000-0000-4000-8000-00000000d0c5'

test('api/functions, Calling with POST', async () => {
  const { status, type, body } = await post('/rpc/add_them', { a: 1, b: 2 })
  assert.deepEqual([status, type, body], [200, 'application/json; charset=utf-8', 3])
})

test('api/functions, Calling with GET', async () => {
  assert.equal((await ask('/rpc/add_them?a=1&b=2')).body, 3)
})

test('api/functions, Functions with an array of JSON objects', async () => {
  const args = { p_json: [{ data_text: 'one', data_int: '1' }, { data_text: 'two', data_int: '2' }] }
  assert.equal((await post('/rpc/titles', args)).body, 'one,two')
})

test('api/functions, Functions with array parameters', async () => {
  assert.deepEqual((await post('/rpc/plus_one', { arr: [1, 2, 3, 4] })).body, [2, 3, 4, 5])
  assert.deepEqual((await ask('/rpc/plus_one?arr=%7B1,2,3,4%7D')).body, [2, 3, 4, 5])
})

test('api/functions, Variadic functions', async () => {
  assert.deepEqual((await post('/rpc/plus_each', { v: [1, 2, 3, 4] })).body, [2, 3, 4, 5])
  assert.deepEqual((await ask('/rpc/plus_each?v=1&v=2&v=3&v=4')).body, [2, 3, 4, 5])
})

test('api/functions, Scalar functions: tables are arrays of objects', async () => {
  const films = [{ title: 'Okja', rating: 7.4 }, { title: 'Call me by your name', rating: 8 }, { title: 'Blade Runner 2049', rating: 8.1 }]
  assert.deepEqual((await ask('/rpc/best_films_2017')).body, films)
  // Not printed there: one row of a composite type is an object, no row is an empty array.
  assert.deepEqual((await ask('/rpc/best_film')).body, films[2])
  assert.deepEqual((await ask('/rpc/no_films')).body, [])
})

test('api/functions, Overloaded functions', async () => {
  assert.equal((await ask('/rpc/rental_duration?customer_id=232')).body, 'by customer')
  assert.equal((await ask('/rpc/rental_duration?customer_id=232&from_date=2018-07-01')).body, 'since 2018-07-01')
})

test('schema_cache, Functions: arguments with defaults may be left out', async () => {
  assert.equal((await post('/rpc/with_default', { a: 2 })).body, 42)
  assert.equal((await ask('/rpc/with_default?a=2&b=3')).body, 5)
})

test('errors, PGRST202: no function of that name or with these arguments', async () => {
  for (const path of ['/rpc/nonexistent_function', '/rpc/add_them?a=1', '/rpc/add_them?a=1&b=2&c=3']) {
    const { status, body } = await ask(path)
    assert.deepEqual([status, body.code], [404, 'PGRST202'], path)
  }
  assert.equal((await post('/rpc/add_them', { a: 1, x: 2 })).body.code, 'PGRST202')
})

test('errors, PGRST101 and PGRST102: other methods, bodies that are no JSON', async () => {
  const wrongMethod = await ask('/rpc/add_them', { method: 'DELETE' })
  assert.deepEqual([wrongMethod.status, wrongMethod.body.code], [405, 'PGRST101'])
  const wrongBody = await post('/rpc/add_them', '{"a": 1')
  assert.deepEqual([wrongBody.status, wrongBody.body.code], [400, 'PGRST102'])
})

test('transactions, Access Mode: GET of a view is READ ONLY', async () => {
  const { status, body } = await ask('/callcounter')
  const message = 'cannot execute nextval() in a read-only transaction'
  assert.deepEqual([status, body], [405, { code: '25006', details: null, hint: null, message }])
})

test('transactions, Access Mode on Functions', async () => {
  // VOLATILE: GET is READ ONLY, POST is READ WRITE; void answers 204 without a body.
  const get = await ask('/rpc/count_up')
  assert.deepEqual([get.status, get.body.code], [405, '25006'])
  const { status, body } = await post('/rpc/count_up', {})
  assert.deepEqual([status, body.length], [204, 0])
  // STABLE: POST is READ ONLY, too.
  const stable = await post('/rpc/liar', {})
  assert.deepEqual([stable.status, stable.body.code], [405, '25006'])
  assert.equal((await ask('/rpc/count')).body, 1)
})

test('transactions, Request Headers, Cookies and JWT claims', async () => {
  const setting = async (name, options) => (await ask(`/rpc/setting?name=${name}`, options)).body
  assert.equal(JSON.parse(await setting('request.headers', { headers: { 'User-Agent': 'x' } }))['user-agent'], 'x')
  assert.deepEqual(JSON.parse(await setting('request.jwt.claims')), { role: 'anon' })
  const claims = JSON.parse(await setting('request.jwt.claims', bearer(sign({ role: 'authenticated', email: 'a@b' }))))
  assert.deepEqual([claims.role, claims.email], ['authenticated', 'a@b'])
})

test('transactions, Request Path and Method; Request Role and Search Path', async () => {
  const setting = async (name, options) => (await ask(`/rpc/setting?name=${name}`, options)).body
  assert.equal(await setting('request.path'), '/rpc/setting')
  assert.equal(await setting('request.method'), 'GET')
  assert.equal((await post('/rpc/setting', { name: 'request.method' })).body, 'POST')
  assert.equal(await setting('role'), 'anon')
  assert.match(await setting('search_path'), /^"?api"?/)
})

test('transactions, Response Headers', async () => {
  assert.equal((await post('/rpc/cached', {})).headers.get('cache-control'), 'public, max-age=259200')
  const { status, body } = await post('/rpc/bad_headers', {})
  assert.deepEqual([status, body.code], [500, 'PGRST111'])
})

test('transactions, Response Status Code', async () => {
  const { status, body } = await ask('/rpc/teapot')
  assert.deepEqual([status, body.hint], [418, 'Tip it over and pour it out.'])
  const bad = await post('/rpc/bad_status', {})
  assert.deepEqual([bad.status, bad.body.code], [500, 'PGRST112'])
})

test('errors, HTTP Status Codes', async () => {
  const table = { '08006': 503, '09000': 500, '0L000': 403, '0P000': 403, 23503: 409, 23505: 409, 23502: 400, 25006: 405,
    25001: 500, 28000: 403, '2D000': 500, 38000: 500, 39000: 500, '3B000': 500, 40001: 500, 53400: 500, 53300: 503,
    54000: 500, 55000: 500, 57014: 500, 58000: 500, F0000: 500, HV000: 500, P0001: 400, P0002: 500, XX000: 500,
    42883: 404, '42P01': 404, '42P17': 500, 22023: 400, 22004: 400 }
  for (const [state, status] of Object.entries(table)) {
    assert.deepEqual([(await post('/rpc/fail_with', { state })).status, state], [status, state])
  }
})

test('errors, HTTP Status Codes: 42501 is 401 for the anonymous role, 403 for others', async () => {
  assert.equal((await post('/rpc/fail_with', { state: '42501' })).status, 401)
  const signedIn = await post('/rpc/fail_with', { state: '42501' }, bearer(accessToken(USER)).headers)
  assert.equal(signedIn.status, 403)
})

test('errors, RAISE errors with HTTP Status Codes', async () => {
  const failed = await post('/rpc/just_fail', {})
  const expected = { message: 'I refuse!', details: 'Pretty simple', hint: 'There is nothing you can do.', code: 'P0001' }
  assert.deepEqual([failed.status, failed.body], [400, expected])
  const paid = await post('/rpc/fail_with', { state: 'PT402' })
  const payment = { message: 'Payment Required', details: 'Quota exceeded', hint: 'Upgrade your plan', code: 'PT402' }
  assert.deepEqual([paid.status, paid.body], [402, payment])
})

test('auth, Bearer Authentication: with or without capitalization', async () => {
  for (const scheme of ['Bearer', 'bearer']) {
    const headers = { Authorization: `${scheme} ${accessToken(USER)}` }
    assert.equal((await ask('/rpc/setting?name=role', { headers })).body, 'authenticated')
  }
})

test('auth, JWT Authentication: no role claim is the anonymous role', async () => {
  assert.equal((await ask('/rpc/setting?name=role', bearer(sign({ sub: USER })))).body, 'anon')
})

test('auth, JWT Signature Verification; JWT Security: alg=none', async () => {
  const claims = { role: 'authenticated', sub: USER }
  const unsigned = sign(claims, { alg: 'none' })
  for (const token of [sign(claims, { secret: 'another' }), unsigned, unsigned.replace(/[^.]*$/, ''), 'abc']) {
    const { status, body, headers } = await ask('/rpc/setting?name=role', bearer(token))
    assert.deepEqual([status, body.code], [401, 'PGRST301'])
    assert.match(headers.get('www-authenticate'), /^Bearer error="invalid_token"/)
  }
})

test('auth, Time-Based claims validation: 30 seconds of clock skew', async () => {
  const now = Math.floor(Date.now() / 1000)
  const status = async (claims) => {
    const answer = await ask('/rpc/setting?name=role', bearer(sign({ role: 'authenticated', ...claims })))
    return answer.status === 200 ? 200 : `${answer.status} ${answer.body.code}`
  }
  assert.equal(await status({ exp: now - 10 }), 200)
  assert.equal(await status({ exp: now - 60 }), '401 PGRST303')
  assert.equal(await status({ nbf: now + 60 }), '401 PGRST303')
  assert.equal(await status({ iat: now + 60 }), '401 PGRST303')
})

test('api/schemas, Multiple schemas and Restricted schemas', async () => {
  const { status, body } = await ask('/rpc/add_them?a=1&b=2', { headers: { 'Accept-Profile': 'pg_catalog' } })
  assert.deepEqual([status, body.code], [406, 'PGRST106'])
  assert.equal((await post('/rpc/add_them', { a: 1, b: 2 }, { 'Content-Profile': 'quire' })).body.code, 'PGRST202')
})

test('api/media_type_handlers, Handler Function', async () => {
  const line = await ask('/rpc/get_line?id=1', { headers: { Accept: 'application/vnd.twkb' } })
  assert.deepEqual([line.status, line.type, line.body.toString('hex')], [200, 'application/vnd.twkb', 'a2000200'])
})

test('api/media_type_handlers, The "Any" Handler', async () => {
  for (const Accept of ['*/*', 'text/html,application/xhtml+xml', 'application/json']) {
    const file = await ask('/rpc/file?type=image/webp', { headers: { Accept } })
    assert.deepEqual([file.type, file.body.toString('hex')], ['image/webp', '00ff00'])
    assert.equal(file.headers.get('content-disposition'), 'inline; filename="cat"')
  }
  // "otherwise PostgREST will set a default one"
  assert.equal((await ask('/rpc/any_type')).type, 'application/octet-stream')
})

test('api/resource_representation, Builtin Media Type Handlers', async () => {
  const { status, body } = await ask('/good_films', { headers: { Accept: 'unknown/unknown' } })
  const message = 'None of these media types are available: unknown/unknown'
  assert.deepEqual([status, body], [415, { code: 'PGRST107', details: null, hint: null, message }])
})

test('api/resource_representation, Singular or Plural', async () => {
  const headers = { Accept: 'application/vnd.pgrst.object+json' }
  assert.deepEqual((await ask('/good_films?title=eq.Okja', { headers })).body, { title: 'Okja', rating: 7.4 })
  const { status, body } = await ask('/good_films?title=eq.none', { headers })
  const message = 'Cannot coerce the result to a single JSON object'
  const expected = { code: 'PGRST116', message, details: 'The result contains 0 rows', hint: null }
  assert.deepEqual([status, body], [406, expected])
})

test('api/tables_views, Vertical and Horizontal Filtering', async () => {
  assert.deepEqual((await ask('/good_films?select=title&rating=eq.8')).body, [{ title: 'Call me by your name' }])
})
