// The preview container end to end: an ordinary user edits a project, a container with nothing but a token keeps up.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { blake3 } from 'hash-wasm'
import { unpack } from '../../examples/preview-container/snapshot.js'
import { Refused, Tree } from '../../examples/preview-container/tree.js'
import { emptyDirectory, onDisk } from './disk.mjs'
import { Editor } from './edits.mjs'
import { FILES, container, eventually, inProject, network, quantile, session, sourceFiles, webServer } from './world.mjs'

const CUT_SECONDS = Number(process.env.PREVIEW_CUT_SECONDS ?? 20)
/** Below it each container has its directory. */
const site = process.env.PREVIEW_SITE

let admin, author, project, net, main, editor, mainSession
const latencies = []

const isLive = ({ state }) => state === 'live'
const startSession = (format = 'zip') => author.value('SELECT quire.begin_session($1, format => $2)', project, format)

const start = (name, variables) => container(join(site, name), variables, net.port)

/** The newest seq; the container is complete when it reports that. */
const newest = async () => Number((await author.value('SELECT quire.get_project($1)', project)).seq)

async function isComplete(one) {
  const seq = await newest()
  await one.reaches((state) => isLive(state) && state.seq >= seq)
  assert.deepEqual(await onDisk(one.directory), await inProject(admin, project))
}

before(async () => {
  net = await network()
  admin = await session()
  author = await session('quire_preview_author')
  project = await author.value(`SELECT quire.create_project('preview')`)
  const seeded = sourceFiles()
  await author.rows('SELECT quire.bulk_upsert_project_files($1, $2)', project, JSON.stringify(seeded))
  const paths = seeded.map(({ file_path }) => file_path).filter((path) => !path.startsWith('odd/'))
  editor = new Editor(author, project, paths)
})

test('a container comes up with the complete tree', async (t) => {
  mainSession = await startSession()
  main = start('main', mainSession)
  const { at, files } = await main.reaches(isLive)
  t.diagnostic(`cold start of ${files} files, process start included: ${at.toFixed(0)} ms (target: under 1,000), below ${site}`)
  assert.equal(files, FILES)
  assert.deepEqual(main.states.map(({ state }) => state), ['hydrating', 'live'])
  await isComplete(main)
  assert.ok(at < 10_000)
})

async function measured(edits) {
  for (let n = 0; n < edits; n++) {
    const startedAt = performance.now()
    const isThere = await editor.edit()
    assert.ok(await eventually(() => isThere(main.directory)), `edit ${latencies.length} has not arrived`)
    latencies.push(performance.now() - startedAt)
    await sleep(5)
  }
}

test('edits arrive one by one', async () => {
  await measured(120)
  await isComplete(main)
})

test('a private channel that gets another name is opened again', async (t) => {
  if (!(await admin.value(`SELECT to_regprocedure('quire.rotate_channel(uuid)') IS NOT NULL`))) return t.skip('there are no channels')
  await author.rows('SELECT quire.rotate_channel($1)', project)
  await measured(10)
  await isComplete(main)
})

test('the text of no statement holds the name of a private channel or a token', () => {
  const said = net.said()
  assert.match(said, /LISTEN "realtime:project:/)
  // As parameters they are sent: a byte before a text says how long it is.
  assert.match(said, /[^"' ]quire:[0-9a-f]{48}/)
  assert.doesNotMatch(said, /["' ]quire:[0-9a-f]{48}/)
  assert.ok(said.includes(mainSession.REALTIME_TOKEN))
  assert.doesNotMatch(said, /["' ]quire1\./)
})

test('what somebody else sends under a name is not believed', async () => {
  const name = await author.value('SELECT quire.open_channel($1)', project)
  const content = 'not from the project'
  const forged = { event: 'file:update', seq: (await newest()) + 1, timestamp: new Date().toISOString(),
    payload: { file_path: 'forged.txt', content, content_hash: await blake3(content), mode: '100644', version: 1 } }
  for (const channel of [name, `realtime:project:${project}`]) {
    await admin.rows('SELECT pg_notify($1, $2)', channel, JSON.stringify(forged))
    await admin.rows('SELECT pg_notify($1, $2)', channel, 'not JSON')
  }
  await measured(5)
  await isComplete(main)
})

test('without hints the private channel is enough', async (t) => {
  const hasChannels = await admin.value(`SELECT to_regprocedure('quire.open_channel(uuid, interval)') IS NOT NULL`)
  if (!hasChannels) return t.skip('there are no channels')
  const broadcast = (how) => author.rows('SELECT quire.update_project($1, $2)', project, { settings: { broadcast: how } })
  for (const how of ['off', 'full', 'hint']) {
    await broadcast(how)
    await measured(5)
  }
  await isComplete(main)
})

test(`after the network was cut for ${CUT_SECONDS} s it has everything again`, async (t) => {
  const seen = main.states.length
  const before = await onDisk(main.directory)
  net.cut()
  await main.reaches(({ state }) => state === 'degraded', { after: seen })
  for (let n = 0; n < 25; n++) {
    await editor.edit()
    await sleep((CUT_SECONDS * 1000) / 25)
  }
  assert.deepEqual(await onDisk(main.directory), before)
  assert.ok(main.states.slice(seen).every(({ state }) => state === 'degraded'))
  net.repair()
  const repairedAt = performance.now()
  const seq = await newest()
  await main.reaches((state) => isLive(state) && state.seq >= seq, { after: seen })
  t.diagnostic(`complete ${(performance.now() - repairedAt).toFixed(0)} ms after the network was back, pause before the next try included`)
  await isComplete(main)
})

test('edits arrive as fast as before', async (t) => {
  await measured(30)
  await isComplete(main)
  const [median, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)]
  const times = `median ${median.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`
  t.diagnostic(`${latencies.length} edits outside the cut, from the call that makes them to the file: ${times}`)
  assert.ok(median < 50, `median ${median} ms`)
  assert.ok(p99 < 250, `p99 ${p99} ms`)
})

test('content that is too large to travel is fetched', async () => {
  await author.rows(
    `SELECT quire.commit_bundle($1, jsonb_agg(jsonb_build_object('op', 'file.put', 'file_path', 'large/' || n,
         'content', repeat(n || E' is a line\n', 1700000))))
     FROM generate_series(1, 2) AS n`, project)
  const [{ payload }] = await admin.rows('SELECT payload FROM quire.poll_events($1, $2)', project, (await newest()) - 1)
  assert.ok(payload.files.some((file) => file.content_omitted), 'the case is not tested')
  await isComplete(main)
  await author.rows(`SELECT quire.bulk_delete_project_files($1, '{large/1,large/2}')`, project)
  await isComplete(main)
})

test('a cursor ahead of the log: hydrated again by a plan, modes included', async () => {
  const variables = await startSession()
  await author.rows('SELECT quire.commit_bundle($1, $2)', project, JSON.stringify([
    { op: 'file.put', file_path: 'odd/run-0.sh', content: '#!/bin/sh\necho 0\n', mode: '100644' },
    { op: 'file.put', file_path: 'odd/run-1.sh', content: '#!/bin/sh\necho 1\n', mode: '100755' },
    { op: 'file.put', file_path: 'odd/link-1', content: 'run-1.sh', mode: '100644' },
    { op: 'file.delete', file_path: 'odd/link-2' },
    { op: 'file.put', file_path: 'odd/link-2/below', content: 'a directory now' },
  ]))
  const one = start('ahead', { ...variables, SEQ: String(Number(variables.SEQ) + 1000) })
  await one.reaches(isLive)
  assert.deepEqual(one.states.map(({ state }) => state), ['hydrating', 'hydrating', 'live'])
  await isComplete(one)
  await one.stop()
})

test('a cursor of another log, as after a restore: hydrated again by a plan', async () => {
  const variables = await startSession()
  const one = start('other', { ...variables, SEQ_CHECKSUM: '0123456789abcdef' })
  await one.reaches(isLive)
  assert.deepEqual(one.states.map(({ state }) => state), ['hydrating', 'hydrating', 'live'])
  await isComplete(one)
  await author.rows('SELECT quire.upsert_project_file($1, $2, $3)', project, 'after another log', 'text')
  await isComplete(one)
  await one.stop()
})

test('the snapshot comes by HTTP when the server has a public URL', async () => {
  const web = await webServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://web')
    assert.equal(pathname, '/rest/v1/rpc/download_snapshot')
    response.end(await admin.value('SELECT quire.download_snapshot($1)', searchParams.get('token')))
  })
  const url = `${web}/rest/v1`
  await admin.rows(`SELECT set_config('quire.public_url', $1, false)`, url)
  const variables = await admin.value('SELECT quire.begin_session($1)', project)
  await admin.rows(`RESET quire.public_url`)
  assert.ok(variables.SNAPSHOT_URL.startsWith(url))
  const one = start('http', variables)
  await one.reaches(isLive)
  assert.deepEqual(one.states.map(({ state }) => state), ['hydrating', 'live'])
  await isComplete(one)
  await one.stop()
})

test('a damaged archive is made up for; one that differs from its manifest is refused', async () => {
  const variables = await startSession()
  const token = new URL(variables.SNAPSHOT_URL, 'http://relative').searchParams.get('token')
  const archive = await admin.value('SELECT quire.download_snapshot($1)', token)
  const web = await webServer((_, response) => response.end(archive.subarray(0, archive.length / 2)))
  const one = start('damaged', { ...variables, SNAPSHOT_URL: `${web}/` })
  await one.reaches(isLive)
  assert.deepEqual(one.states.map(({ state }) => state), ['hydrating', 'degraded', 'hydrating', 'live'])
  await isComplete(one)
  await one.stop()

  const { manifest } = await admin.value(
    'SELECT quire.get_snapshot_manifest($1, snapshot_id) FROM quire.list_snapshots($1) LIMIT 1', project)
  const refuses = (changed, pattern) => assert.rejects(
    unpack(archive, changed, Tree.make(emptyDirectory(join(site, 'unpacked')))),
    (error) => error instanceof Refused && pattern.test(error.message))
  const [first, ...others] = manifest
  await refuses([{ ...first, content_hash: others[0].content_hash }, ...others], /has the hash/)
  await refuses([{ ...first, size: first.size + 1 }, ...others], /is not what the manifest lists/)
  await refuses(others, /is not what the manifest lists/)
  await refuses([...manifest, { ...first, file_path: 'more' }], /more is missing/)
  await unpack(archive, manifest, Tree.make(emptyDirectory(join(site, 'unpacked'))))
  assert.deepEqual(await onDisk(join(site, 'unpacked')), await inProject(admin, project))
})

async function endsWith(one, status, pattern) {
  const ended = await Promise.race([one.ended, sleep(10_000, null, { ref: false })])
  assert.deepEqual([ended?.status, pattern.test(ended?.stderr)], [status, true], ended?.stderr ?? 'it goes on')
}

test('what it cannot do it says, and ends', async () => {
  const variables = await startSession()
  await endsWith(start('zst', await startSession('tar.zst')), 1, /tar\.zst.*zip only/)
  await endsWith(start('more', { ...variables, SEQ: '' }), 2, /SEQ is not set/)
  await endsWith(start('more', { ...variables, PROJECT_ID: '../..' }), 2, /PROJECT_ID is not set or not as/)
  await endsWith(start('main', variables), 1, /is not empty/)
  const token = variables.REALTIME_TOKEN.slice(0, -4) + 'AAAA'
  await endsWith(start('wrong', { ...variables, REALTIME_TOKEN: token }), 1, /the token is refused: .*42501/)
  const short = await author.value(`SELECT quire.begin_session($1, ttl => '1 second')`, project)
  await sleep(1_100)
  await endsWith(start('late', short), 1, /the token is refused: .*PT410, expired/)
})

test('the container has no rights but those of its token', async () => {
  const guest = await session('quire_preview_container')
  const refuses = (code, ...of) => assert.rejects(guest.rows(...of), { code })
  for (const text of ['SELECT * FROM quire.poll_events($1, 0)', 'SELECT * FROM quire.list_current_files($1)',
    `SELECT quire.upsert_project_file($1, 'x', 'x')`, 'SELECT quire.begin_session($1)']) {
    await refuses('42501', text, project)
  }
  const { REALTIME_TOKEN } = await startSession()
  await guest.rows('BEGIN')
  await guest.rows('SELECT quire.authenticate($1)', REALTIME_TOKEN)
  await refuses('42501', `SELECT quire.upsert_project_file($1, 'x', 'x')`, project)
  await guest.rows('ROLLBACK')
})

test('the end of the session is the end of the container', async (t) => {
  await isComplete(main)
  const startedAt = performance.now()
  await author.rows('SELECT quire.finish_session($1, $2)', mainSession.PROJECT_ID, mainSession.SESSION_ID)
  await endsWith(main, 1, /the token is refused: .*PT410, revoked/)
  t.diagnostic(`it ended ${(performance.now() - startedAt).toFixed(0)} ms later`)
  assert.equal(main.states.at(-1).state, 'degraded')
})
