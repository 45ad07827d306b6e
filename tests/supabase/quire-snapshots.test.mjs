// Snapshots and capability tokens as somebody with supabase-js, or with nothing but a link, meets them. run.sh leaves these
// tests out while quire has no function download_snapshot.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { before, test } from 'node:test'
import { anon, asAdmin, data, refusal, url, user } from './client.mjs'

async function snapshot() {
  const owner = user(randomUUID())
  const project_uuid = await data(owner.rpc('create_project', { name: 'site' }))
  const files = [{ file_path: 'a.txt', content: 'hello' }, { file_path: 'src/ü.txt', content: '✓' }]
  await data(owner.rpc('bulk_upsert_project_files', { project_uuid, files }))
  return { owner, project_uuid, ...(await data(owner.rpc('create_project_snapshot', { project_uuid }))) }
}

// The function that README.md advises for links, which cannot name a schema.
before(() => asAdmin(`CREATE OR REPLACE FUNCTION public.download_snapshot(token text) RETURNS quire."*/*"
  LANGUAGE sql RETURN quire.download_snapshot(token)`))

// Gets /rpc/download_snapshot of the schema quire, or of the first exposed one.
async function download(token, { headers = { 'Accept-Profile': 'quire' }, Accept = '*/*', path } = {}) {
  const address = `${url}/rest/v1${path ?? `/rpc/download_snapshot?${new URLSearchParams({ token })}`}`
  const response = await fetch(address, { headers: { ...headers, Accept } })
  const bytes = Buffer.from(await response.arrayBuffer())
  const isJson = response.headers.get('content-type').includes('json')
  const code = isJson ? JSON.parse(bytes).code : null
  return { what: code ? `${response.status} ${code}` : response.status, headers: response.headers, bytes }
}

test('create_project_snapshot answers with one object', async () => {
  const made = await snapshot()
  for (const member of ['snapshot_id', 'url', 'token', 'content_hash']) {
    assert.equal(typeof made[member], 'string', member)
  }
  assert.match(made.content_hash, /^[0-9a-f]{64}$/)
  assert.ok(made.url.includes('download_snapshot'), made.url)
  assert.ok(made.url.includes(encodeURIComponent(made.token)), made.url)
})

test('download_snapshot gives anybody with the token the bytes of a zip archive', async () => {
  const { token } = await snapshot()
  for (const Accept of ['*/*', 'text/html,application/xhtml+xml,*/*;q=0.8', 'application/zip']) {
    const { what, headers, bytes } = await download(token, { Accept })
    assert.deepEqual([what, headers.get('content-type')], [200, 'application/zip'], Accept)
    assert.match(headers.get('content-disposition'), /^attachment; filename=/)
    assert.equal(bytes.subarray(0, 4).toString('latin1'), 'PK\u0003\u0004')
    // The end of the central directory: nothing is cut off.
    assert.notEqual(bytes.lastIndexOf(Buffer.from('PK\u0005\u0006', 'latin1')), -1)
  }
})

test('the URL of a snapshot is a link that works by itself, given the function in the first exposed schema', async () => {
  const made = await snapshot()
  const { what, bytes } = await download(null, { headers: {}, path: made.url.slice(made.url.indexOf('/rpc/')) })
  assert.deepEqual([what, bytes.length], [200, made.size])
})

test('read_snapshot answers with the archive as \\x and hexadecimal digits, which restore_snapshot takes', async () => {
  const { owner, project_uuid, snapshot_id, token } = await snapshot()
  const archive = await data(owner.rpc('read_snapshot', { project_uuid, snapshot_id }))
  assert.equal(archive, `\\x${(await download(token)).bytes.toString('hex')}`)
  await data(owner.rpc('delete_project_file', { project_uuid, p_file_path: 'a.txt' }))
  await data(owner.rpc('restore_snapshot', { project_uuid, archive }))
  const [file] = await data(owner.rpc('list_current_files', { project_uuid, path_prefix: 'a.txt' }))
  assert.equal(file.content, 'hello')
})

test('a token with max_uses is refused by GET, which is read only, and keeps its use: 405', async () => {
  const { owner, project_uuid, snapshot_id } = await snapshot()
  const abilities = [`snapshot:read:${snapshot_id}`]
  const token = await data(owner.rpc('mint_token', { project_uuid, abilities, ttl: '1 hour', max_uses: 1 }))
  assert.equal((await download(token)).what, '405 25006')
  assert.equal((await data(owner.rpc('list_tokens', { project_uuid })))[0].uses, 0)
})

test('the same snapshot downloads as the same bytes', async () => {
  const { token } = await snapshot()
  assert.ok((await download(token)).bytes.equals((await download(token)).bytes))
})

test('a token that is wrong in whatever way is refused: 401 42501', async () => {
  const { token } = await snapshot()
  for (const wrong of ['', 'abc', `${token}x`, token.slice(0, -8), token.toUpperCase(), "' OR true --"]) {
    assert.equal((await download(wrong)).what, '401 42501', wrong)
  }
})

test('a revoked token gets 410', async () => {
  const { owner, project_uuid, token } = await snapshot()
  const [{ token_id }] = await data(owner.rpc('list_tokens', { project_uuid }))
  assert.equal((await download(token)).what, 200)
  await data(owner.rpc('revoke_token', { project_uuid, token_id }))
  assert.equal((await download(token)).what, '410 PT410')
})

test('a stranger neither makes a snapshot nor revokes its token', async () => {
  const { owner, project_uuid, token } = await snapshot()
  const [{ token_id }] = await data(owner.rpc('list_tokens', { project_uuid }))
  const stranger = user(randomUUID())
  assert.equal((await refusal(stranger.rpc('create_project_snapshot', { project_uuid }))).what, '404 PT404')
  assert.equal((await refusal(stranger.rpc('revoke_token', { project_uuid, token_id }))).what, '404 PT404')
  assert.equal((await refusal(anon().rpc('create_project_snapshot', { project_uuid }))).what, '404 PT404')
  assert.equal((await download(token)).what, 200)
})

test('authenticate binds nothing in the next request', async () => {
  const { owner, project_uuid } = await snapshot()
  const mint = owner.rpc('mint_token', { project_uuid, abilities: ['project:read'], ttl: '1 hour' })
  const token = await data(mint)
  assert.equal((await data(anon().rpc('authenticate', { token }))).project_id, project_uuid)
  assert.equal((await refusal(anon().rpc('get_project', { project_uuid }))).what, '404 PT404')
  assert.equal((await data(anon().rpc('whoami'))).via, 'anonymous')
})

test('a download binds nothing in the next request', async () => {
  const { project_uuid, token } = await snapshot()
  assert.equal((await download(token)).what, 200)
  assert.equal((await refusal(anon().rpc('get_project', { project_uuid }))).what, '404 PT404')
})
