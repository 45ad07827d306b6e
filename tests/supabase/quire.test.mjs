// quire as somebody with supabase-js meets it. One test is one claim.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { accessToken, anon, data, refusal, service, sign, user, withToken } from './client.mjs'

// A project with an owner of its own, and clients of everybody who matters.
async function project(settings = {}) {
  const ids = { owner: randomUUID(), editor: randomUUID(), viewer: randomUUID(), stranger: randomUUID() }
  const [owner, editor, viewer, stranger] = Object.values(ids).map((sub) => user(sub))
  const project_uuid = await data(owner.rpc('create_project', { name: 'site', ...settings }))
  for (const role of ['editor', 'viewer']) {
    await data(owner.rpc('set_project_member', { project_uuid, member: ids[role], role }))
  }
  return { project_uuid, ids, owner, editor, viewer, stranger }
}

const write = (client, project_uuid, p_file_path, p_content, more) =>
  client.rpc('upsert_project_file', { project_uuid, p_file_path, p_content, ...more })
const list = (client, project_uuid, more) => client.rpc('list_current_files', { project_uuid, ...more })
const paths = async (request) => (await data(request)).map((file) => file.file_path)

// Who calls -----------------------------------------------------------------------------------------------------------

test('a signed-in user is the actor that sub of the access token names', async () => {
  const sub = randomUUID()
  const who = await data(user(sub).rpc('whoami'))
  assert.deepEqual([who.actor_id, who.via, who.db_role, who.is_admin], [sub, 'jwt', 'authenticated', false])
})

test('the anon key is nobody', async () => {
  const who = await data(anon().rpc('whoami'))
  assert.deepEqual([who.actor_id, who.via, who.db_role, who.is_admin], [null, 'anonymous', 'anon', false])
})

test('the service key is an administrator, as the actor system', async () => {
  const who = await data(service().rpc('whoami'))
  assert.deepEqual([who.via, who.db_role, who.is_admin], ['system', 'service_role', true])
})

test('nothing of a user is left for the next request on the same connection', async () => {
  await data(user(randomUUID()).rpc('whoami'))
  assert.equal((await data(anon().rpc('whoami'))).actor_id, null)
  await refusal(user(randomUUID()).rpc('get_project', { project_uuid: randomUUID() }))
  assert.equal((await data(anon().rpc('whoami'))).actor_id, null)
})

test('request.jwt.claims in a header names nobody', async () => {
  const { project_uuid, ids } = await project()
  const claims = JSON.stringify({ role: 'service_role', sub: ids.owner })
  const names = ['request.jwt.claims', 'request.jwt.claim.sub', 'request-jwt-claims', 'role', 'x-jwt-claims']
  const client = anon(Object.fromEntries(names.map((name) => [name, claims])))
  assert.deepEqual((await data(client.rpc('whoami'))).via, 'anonymous')
  assert.equal((await refusal(client.rpc('get_project', { project_uuid }))).what, '404 PT404')
  const self = randomUUID()
  assert.equal((await data(user(self, { 'request.jwt.claims': claims }).rpc('whoami'))).actor_id, self)
})

test('request.jwt.claims as an argument or as a query parameter names nobody', async () => {
  const { project_uuid, ids } = await project()
  const claims = JSON.stringify({ sub: ids.owner })
  const asArgument = anon().rpc('get_project', { project_uuid, 'request.jwt.claims': claims })
  assert.equal((await refusal(asArgument)).what, '404 PGRST202')
  const asParameter = anon().rpc('get_project', { project_uuid, 'request.jwt.claims': claims }, { get: true })
  assert.equal((await refusal(asParameter)).what, '404 PGRST202')
})

test('an access token that is forged, unsigned or expired gets 401', async () => {
  const claims = { role: 'authenticated', sub: randomUUID() }
  const what = async (token) => (await refusal(withToken(token).rpc('whoami'))).what
  assert.equal(await what(sign(claims, { secret: 'guessed' })), '401 PGRST301')
  assert.equal(await what(sign(claims, { alg: 'none' })), '401 PGRST301')
  assert.equal(await what(sign({ ...claims, exp: 1 })), '401 PGRST303')
})

test('a sub that is no uuid is an actor of its own, and that of the actor system is refused', async () => {
  const { actor_id, via } = await data(withToken(accessToken('auth0|12345')).rpc('whoami'))
  assert.deepEqual([actor_id, via], ['5eb16ff6-fd6e-57de-830d-6e81bd1a8db4', 'jwt'])
  const refused = await refusal(withToken(accessToken('00000000-0000-0000-0000-000000000000')).rpc('whoami'))
  assert.deepEqual([refused.what, JSON.parse(refused.details).code], ['403 42501', 'UnauthorizedError'])
})

// Writing -------------------------------------------------------------------------------------------------------------

test('create_project answers with the id of the project', async () => {
  const project_uuid = await data(user(randomUUID()).rpc('create_project', { name: 'site' }))
  assert.match(project_uuid, /^[0-9a-f-]{36}$/)
  const chosen = randomUUID()
  const settings = { max_files: 10 }
  const args = { name: 'site', project_uuid: chosen, visibility: 'public', settings }
  assert.equal(await data(user(randomUUID()).rpc('create_project', args)), chosen)
})

test('upsert_project_file answers with the file as one object', async () => {
  const { owner, project_uuid } = await project()
  const file = await data(write(owner, project_uuid, 'a.txt', 'one'))
  assert.deepEqual([file.file_path, file.version, file.seq, file.size], ['a.txt', 1, 1, 3])
  const second = await data(write(owner, project_uuid, 'a.txt', 'two', { expected_version: 1 }))
  assert.deepEqual([second.version, second.parent_version_id], [2, file.id])
})

test('a stale write gets 409 PT409, and details say what there is', async () => {
  const { owner, project_uuid } = await project()
  const file = await data(write(owner, project_uuid, 'a.txt', 'one'))
  const { what, details } = await refusal(write(owner, project_uuid, 'a.txt', 'two', { expected_version: 7 }))
  assert.equal(what, '409 PT409')
  const { code, reason, current } = JSON.parse(details)
  assert.deepEqual([code, reason], ['ConflictError', 'stale_version'])
  assert.deepEqual([current.version, current.content_hash], [1, file.content_hash])
})

test('a refused write leaves nothing behind', async () => {
  const { owner, project_uuid } = await project()
  await refusal(write(owner, project_uuid, 'a.txt', 'one', { expected_version: 3 }))
  assert.deepEqual(await data(list(owner, project_uuid)), [])
  assert.equal((await data(owner.rpc('get_project', { project_uuid }))).seq, 0)
})

test('the same correlation id again gets the same answer', async () => {
  const { owner, project_uuid } = await project()
  const correlation_id = randomUUID()
  const first = await data(write(owner, project_uuid, 'a.txt', 'one', { correlation_id }))
  assert.deepEqual(await data(write(owner, project_uuid, 'a.txt', 'one', { correlation_id })), first)
})

test('bulk_upsert_project_files takes files as JSON', async () => {
  const { owner, project_uuid } = await project()
  const files = [{ file_path: 'a.json', content: '{"a": [1, null]}' }, { file_path: 'bin/run', content: '#!', mode: '100755' }]
  const answer = await data(owner.rpc('bulk_upsert_project_files', { project_uuid, files }))
  assert.deepEqual([answer.success, answer.seq, answer.files.length], [true, 1, 2])
  assert.deepEqual(await paths(list(owner, project_uuid)), ['a.json', 'bin/run'])
})

test('bulk_upsert_project_files writes all or nothing', async () => {
  const { owner, project_uuid } = await project()
  const files = [{ file_path: 'a', content: 'a' }, { file_path: 'b', content: 'b', expected_version: 4 }]
  assert.equal((await refusal(owner.rpc('bulk_upsert_project_files', { project_uuid, files }))).what, '409 PT409')
  assert.deepEqual(await data(list(owner, project_uuid)), [])
})

test('bulk_delete_project_files takes paths as a JSON array', async () => {
  const { owner, project_uuid } = await project()
  const names = ['with, comma', 'with "quotes"', 'with {braces}']
  for (const name of names) await data(write(owner, project_uuid, name, 'x'))
  await data(owner.rpc('bulk_delete_project_files', { project_uuid, paths: names }))
  assert.deepEqual(await data(list(owner, project_uuid)), [])
})

test('commit_bundle mixes operations', async () => {
  const { owner, project_uuid } = await project()
  const ops = [
    { op: 'file.put', file_path: 'a', content_base64: 'AP+A' },
    { op: 'file.put', file_path: 'b', content: 'b' },
    { op: 'file.move', from_path: 'b', to_path: 'c' },
  ]
  const answer = await data(owner.rpc('commit_bundle', { project_uuid, ops, message: 'all at once' }))
  assert.deepEqual([answer.seq, answer.ops.length], [1, 3])
  assert.deepEqual(await paths(list(owner, project_uuid)), ['a', 'c'])
})

test('content survives: quotes, emoji, newlines, backslashes, SQL, the empty text', async () => {
  const { owner, project_uuid } = await project()
  const contents = ['"\'`$$ \\ \\\\ \\n \\u0041', '👩‍👩‍👧‍👦 Größe 日本語 \u202e', 'a\r\nb\n\n\tc\u0001\u007f', '',
    "'; DROP TABLE quire_store.project; --", '{"json": [1, 2.50, null]}', 'null', ' '.repeat(3), 'x'.repeat(300_000)]
  for (const content of contents) {
    await data(write(owner, project_uuid, 'a.txt', content))
    const [file] = await data(owner.rpc('read_project_file', { project_uuid, p_file_path: 'a.txt' }))
    assert.equal(file.content, content)
  }
})

test('text with NUL, which PostgreSQL cannot hold, gets 400', async () => {
  const { owner, project_uuid } = await project()
  assert.equal((await refusal(write(owner, project_uuid, 'a.txt', 'a\u0000b'))).what, '400 22P05')
})

test('bytes go in and come out as \\x and hexadecimal digits', async () => {
  const { owner, project_uuid } = await project()
  const p_bytes = `\\x${Buffer.from(Array.from({ length: 256 }, (_, n) => n)).toString('hex')}`
  const args = { project_uuid, p_file_path: 'all.bin', p_bytes }
  const file = await data(owner.rpc('upsert_project_file_bytes', args))
  assert.deepEqual([file.is_binary, file.size], [true, 256])
  assert.equal(await data(owner.rpc('read_project_file_bytes', { project_uuid, p_file_path: 'all.bin' })), p_bytes)
})

test('functions without an answer get 204', async () => {
  const { owner, project_uuid } = await project()
  const { status, data: nothing, error } = await owner.rpc('create_subscription', { project_uuid, name: 'mine' })
  assert.deepEqual([status, nothing, error], [204, null, null])
})

// Refusals ------------------------------------------------------------------------------------------------------------

test('an unknown project gets 404 PT404 from readers and writers', async () => {
  const client = user(randomUUID())
  const project_uuid = randomUUID()
  const requests = [write(client, project_uuid, 'a', 'a'), list(client, project_uuid), client.rpc('poll_events', { project_uuid }),
    client.rpc('get_project', { project_uuid }), client.rpc('bulk_upsert_project_files', { project_uuid, files: [] })]
  for (const request of requests) {
    const { what, details } = await refusal(request)
    assert.deepEqual([what, JSON.parse(details).code], ['404 PT404', 'NotFoundError'])
  }
})

test('bad arguments get 400', async () => {
  const { owner, project_uuid } = await project()
  assert.equal((await refusal(write(owner, project_uuid, '../etc/passwd', 'x'))).what, '400 22023')
  assert.equal((await refusal(write(owner, project_uuid, null, 'x'))).what, '400 22004')
  assert.equal((await refusal(write(owner, 'no uuid', 'a', 'x'))).what, '400 22P02')
  assert.equal((await refusal(owner.rpc('bulk_upsert_project_files', { project_uuid, files: {} }))).what, '400 22023')
})

test('unknown functions and arguments get 404 PGRST202', async () => {
  const { owner, project_uuid } = await project()
  assert.equal((await refusal(owner.rpc('no_such_function'))).what, '404 PGRST202')
  assert.equal((await refusal(owner.rpc('upsert_project_file', { project_uuid, path: 'a' }))).what, '404 PGRST202')
})

test('an archived project gets 423, too much content 413, too many writes 429', async () => {
  const { owner, project_uuid } = await project({ settings: { max_file_bytes: 4 } })
  assert.equal((await refusal(write(owner, project_uuid, 'a', '12345'))).what, '413 PT413')
  const changes = { settings: { rate_limit: { per_minute: 1, burst: 1 } } }
  await data(owner.rpc('update_project', { project_uuid, changes }))
  await data(write(owner, project_uuid, 'a', '1'))
  const { what, details } = await refusal(write(owner, project_uuid, 'a', '2'))
  assert.equal(what, '429 PT429')
  assert.ok(JSON.parse(details).retry_after_ms > 0)
  await data(owner.rpc('archive_project', { project_uuid }))
  assert.equal((await refusal(write(owner, project_uuid, 'a', '3'))).what, '423 PT423')
})

// Permissions ---------------------------------------------------------------------------------------------------------

test('the anon key writes nothing: 401', async () => {
  const { owner, project_uuid } = await project({ visibility: 'public' })
  await data(write(owner, project_uuid, 'a', 'a'))
  const p_file_path = 'a'
  const requests = [anon().rpc('create_project', { name: 'mine' }), write(anon(), project_uuid, 'a', 'b'),
    anon().rpc('delete_project_file', { project_uuid, p_file_path }),
    anon().rpc('set_project_member', { project_uuid, member: randomUUID(), role: 'owner' }),
    anon().rpc('archive_project', { project_uuid }), anon().rpc('create_subscription', { project_uuid, name: 'x' })]
  for (const request of requests) assert.equal((await refusal(request)).what, '401 42501')
  assert.equal((await data(list(anon(), project_uuid)))[0].content, 'a')
})

test('the anon key reads a public project and not a private one', async () => {
  for (const visibility of ['public', 'private']) {
    const { owner, project_uuid } = await project({ visibility })
    await data(write(owner, project_uuid, 'a', 'a'))
    const view = () => anon().from('project_files_current').select('file_path').eq('project_id', project_uuid)
    if (visibility === 'public') {
      assert.deepEqual(await paths(list(anon(), project_uuid)), ['a'])
      assert.equal((await data(anon().rpc('poll_events', { project_uuid }))).length, 1)
      assert.deepEqual(await data(view()), [{ file_path: 'a' }])
    } else {
      assert.equal((await refusal(list(anon(), project_uuid))).what, '404 PT404')
      assert.equal((await refusal(anon().rpc('poll_events', { project_uuid }))).what, '404 PT404')
      assert.deepEqual(await data(view()), [])
    }
  }
})

test('an editor writes and does not manage', async () => {
  const { editor, ids, project_uuid } = await project()
  assert.equal((await data(write(editor, project_uuid, 'a', 'a'))).version, 1)
  const change = editor.rpc('update_project', { project_uuid, changes: { name: 'mine' } })
  assert.equal((await refusal(change)).what, '403 42501')
  const [row] = await data(editor.from('project_files').select('last_modified_by').eq('project_id', project_uuid))
  assert.equal(row.last_modified_by, ids.editor)
})

test('a viewer reads and does not write', async () => {
  const { owner, viewer, project_uuid } = await project()
  await data(write(owner, project_uuid, 'a', 'a'))
  assert.deepEqual(await paths(list(viewer, project_uuid)), ['a'])
  const { what, details } = await refusal(write(viewer, project_uuid, 'a', 'b'))
  assert.deepEqual([what, JSON.parse(details).needed_role], ['403 42501', 'editor'])
})

test('to a stranger a private project does not exist', async () => {
  const { owner, stranger, project_uuid } = await project()
  await data(write(owner, project_uuid, 'a', 'a'))
  assert.equal((await refusal(list(stranger, project_uuid))).what, '404 PT404')
  assert.equal((await refusal(write(stranger, project_uuid, 'a', 'b'))).what, '404 PT404')
  for (const view of ['project_files', 'project_files_current', 'legacy_project_files', 'bundles', 'oplog']) {
    assert.deepEqual(await data(stranger.from(view).select().eq('project_id', project_uuid)), [], view)
  }
})

test('the service key reads and writes every project', async () => {
  const { owner, project_uuid } = await project()
  await data(write(owner, project_uuid, 'a', 'a'))
  assert.deepEqual(await paths(list(service(), project_uuid)), ['a'])
  assert.equal((await data(write(service(), project_uuid, 'a', 'b'))).version, 2)
  await data(service().rpc('set_project_member', { project_uuid, member: randomUUID(), role: 'owner' }))
  const seen = await data(service().from('project_files').select('version').eq('project_id', project_uuid))
  assert.equal(seen.length, 2)
})

test('nobody but administrators maps roles to actors', async () => {
  const args = { db_role: 'anon' }
  assert.equal((await refusal(anon().rpc('map_role_to_actor', args))).what, '401 42501')
  assert.equal((await refusal(user(randomUUID()).rpc('map_role_to_actor', args))).what, '403 42501')
})

test('the storage schema is not exposed', async () => {
  for (const schema of ['quire_store', 'pg_catalog']) {
    assert.equal((await refusal(service().schema(schema).from('project').select())).what, '406 PGRST106')
  }
})

// Reading -------------------------------------------------------------------------------------------------------------

test('list_current_files answers with an array, also when there is nothing', async () => {
  const { owner, project_uuid } = await project()
  assert.deepEqual(await data(list(owner, project_uuid)), [])
  await data(write(owner, project_uuid, 'src/a.rs', 'a'))
  await data(write(owner, project_uuid, 'b.rs', 'b'))
  const files = await data(list(owner, project_uuid))
  assert.deepEqual(files.map(({ file_path, version, content }) => [file_path, version, content]), [['b.rs', 1, 'b'], ['src/a.rs', 1, 'a']])
  assert.deepEqual(await paths(list(owner, project_uuid, { path_prefix: 'src' })), ['src/a.rs'])
})

test('poll_events answers with an array of what happened after a cursor', async () => {
  const { owner, project_uuid } = await project()
  for (const content of ['one', 'two', 'three']) await data(write(owner, project_uuid, 'a', content))
  const events = await data(owner.rpc('poll_events', { project_uuid, after_seq: 1 }))
  const told = events.map(({ seq, event, payload }) => [seq, event, payload.content])
  assert.deepEqual(told, [[2, 'file:update', 'two'], [3, 'file:update', 'three']])
  assert.deepEqual(await data(owner.rpc('poll_events', { project_uuid, after_seq: 3 })), [])
  assert.equal((await refusal(owner.rpc('poll_events', { project_uuid, after_seq: 9 }))).what, '410 PT410')
})

test('subscriptions work: intervals and filters go through JSON', async () => {
  const { owner, project_uuid } = await project()
  await data(write(owner, project_uuid, 'a.txt', 'a'))
  await data(write(owner, project_uuid, 'b.md', 'b'))
  const subscription = { project_uuid, name: 'indexer' }
  await data(owner.rpc('create_subscription', { ...subscription, filter: { paths: ['**/*.md'] } }))
  const events = await data(owner.rpc('poll_subscription', { ...subscription, lease: '1 minute' }))
  assert.deepEqual(events.map(({ payload }) => payload.file_path), ['b.md'])
  assert.equal(await data(owner.rpc('ack_subscription', { ...subscription, seq: 2 })), 2)
})

test('readers also answer GET; writers refuse it and change nothing', async () => {
  const { owner, project_uuid } = await project()
  await data(write(owner, project_uuid, 'a', 'a'))
  const get = { get: true }
  assert.deepEqual(await paths(owner.rpc('list_current_files', { project_uuid, path_prefix: 'a' }, get)), ['a'])
  assert.equal((await data(owner.rpc('whoami', {}, get))).via, 'jwt')
  const args = { project_uuid, p_file_path: 'a', p_content: 'b' }
  assert.equal((await refusal(owner.rpc('upsert_project_file', args, get))).what, '405 25006')
  assert.equal((await data(list(owner, project_uuid)))[0].content, 'a')
})

test('every reader works in the read-only transaction that it gets from POST', async () => {
  const { owner, project_uuid } = await project()
  await data(write(owner, project_uuid, 'a', 'a'))
  await data(write(owner, project_uuid, 'a', 'b'))
  const at_time = new Date(Date.now() + 60_000).toISOString()
  const calls = { get_project: {}, list_current_files: {}, list_files_at: { at_time }, list_project_members: {},
    list_project_tags: {}, list_subscriptions: {}, diff_project: { from_seq: 0, to_seq: 2 }, poll_events: {},
    diff_project_file: { p_file_path: 'a', from_version: 1, to_version: 2 }, read_project_file: { p_file_path: 'a' },
    read_project_file_bytes: { p_file_path: 'a' }, project_file_history: { p_file_path: 'a' } }
  for (const [name, args] of Object.entries(calls)) await data(owner.rpc(name, { project_uuid, ...args }))
  await data(owner.rpc('list_projects'))
})

test('views are read with from, select and eq', async () => {
  const { owner, project_uuid } = await project()
  await data(write(owner, project_uuid, 'a.txt', 'a'))
  await data(write(owner, project_uuid, 'a.txt', 'b'))
  const current = owner.from('project_files_current').select('file_path, version, content').eq('project_id', project_uuid)
  assert.deepEqual(await data(current), [{ file_path: 'a.txt', version: 2, content: 'b' }])
  const first = owner.from('project_files').select().eq('project_id', project_uuid).eq('version', 1).single()
  assert.equal((await data(first)).content, 'a')
  for (const view of ['legacy_project_files', 'bundles', 'oplog']) {
    assert.notEqual((await data(owner.from(view).select().eq('project_id', project_uuid))).length, 0, view)
  }
})

// SQL -----------------------------------------------------------------------------------------------------------------

test('SQL in arguments is text', async () => {
  const { owner, project_uuid } = await project()
  const names = ["'; DROP SCHEMA quire CASCADE; --", '$1 $$ %I %s :name ?', 'a" := 1, "b', '%', '_']
  for (const name of names) await data(write(owner, project_uuid, name, name))
  assert.deepEqual((await paths(list(owner, project_uuid))).sort(), [...names].sort())
  assert.deepEqual(await paths(list(owner, project_uuid, { path_prefix: '%' })), ['%'])
  const found = owner.from('project_files_current').select('content').eq('project_id', project_uuid).eq('file_path', names[0])
  assert.deepEqual(await data(found), [{ content: names[0] }])
  assert.equal((await data(owner.rpc('create_project', { name: names[0] }))).length, 36)
})

test('SQL in the names of functions, arguments, views and columns finds nothing', async () => {
  const { owner, project_uuid } = await project()
  assert.equal((await refusal(owner.rpc('whoami(); DROP SCHEMA quire CASCADE; --'))).what, '404 PGRST202')
  assert.equal((await refusal(owner.rpc('get_project', { 'project_uuid := NULL) --': 1 }))).what, '404 PGRST202')
  assert.equal((await refusal(owner.from('bundles; DROP SCHEMA quire').select())).what, '404 42P01')
  assert.equal((await refusal(owner.from('bundles').select('seq FROM x; --'))).what, '400 42703')
  await data(owner.rpc('get_project', { project_uuid }))
})
