// Documents as an application with @automerge/automerge and supabase-js keeps them.

import * as Automerge from '@automerge/automerge'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { accessToken, data, refusal, url, user } from './client.mjs'

// The first change of every document that quire makes: whoever begins with it has an ancestor in common with everybody.
const FIRST = Buffer.from('856f4a839a59f20801180010717569726520666972737420646f632e010100000000', 'hex')

const hex = (bytes) => `\\x${Buffer.from(bytes).toString('hex')}`
const unhex = (text) => (text === null ? null : new Uint8Array(Buffer.from(text.slice(2), 'hex')))
const plain = (doc) => JSON.parse(JSON.stringify(doc))
const sorted = (heads) => [...heads].sort()

async function space() {
  const sub = randomUUID()
  const owner = user(sub)
  return { owner, token: accessToken(sub), project_uuid: await data(owner.rpc('create_project', { name: 'space' })) }
}

async function send({ owner, project_uuid }, doc, changes) {
  return data(owner.rpc('apply_doc_changes', { project_uuid, doc, changes: changes.map(hex) }))
}

/** The bytes of a document. supabase-js reads JSON only, so this is a plain request. */
async function download({ token, project_uuid }, doc) {
  const query = new URLSearchParams({ project_uuid, doc })
  const response = await fetch(`${url}/rest/v1/rpc/read_doc_bytes?${query}`, {
    headers: { Authorization: `Bearer ${token}`, 'Accept-Profile': 'quire', Accept: 'application/automerge' },
  })
  return { response, bytes: new Uint8Array(await response.arrayBuffer()) }
}

async function load(here, doc) {
  return Automerge.load((await download(here, doc)).bytes)
}

/** Speaks the sync protocol until one of the two has nothing to say. */
async function synchronise({ owner, project_uuid }, name, doc) {
  let [local, state] = [Automerge.initSyncState(), null]
  for (let round = 0; round < 50; round++) {
    let message
    ;[local, message] = Automerge.generateSyncMessage(doc, local)
    if (!message) return doc
    const args = { project_uuid, doc: name, branch: 'main', message: hex(message), state }
    const [answer] = await data(owner.rpc('sync_doc', args))
    state = answer.state
    if (!answer.message) return doc
    ;[doc, local] = Automerge.receiveSyncMessage(doc, local, unhex(answer.message))
  }
  throw new Error('they never end')
}

test('what JavaScript writes is read in SQL, and what SQL writes is loaded in JavaScript', async () => {
  const here = await space()
  const { owner, project_uuid } = here
  let doc = Automerge.load(FIRST)
  doc = Automerge.change(doc, (d) => {
    d.title = 'Trip'
    d.items = ['tent', { name: 'rope', length: 2.5 }]
    d.likes = new Automerge.Counter(1)
    d.at = new Date(1700000000000)
    d.icon = new Uint8Array([0, 1, 2])
  })
  const sent = await send(here, 'trip', Automerge.getAllChanges(doc))
  assert.deepEqual([sent.applied, sent.heads], [2, sorted(Automerge.getHeads(doc))])
  assert.deepEqual(await data(owner.rpc('read_doc', { project_uuid, doc: 'trip' })), {
    title: 'Trip',
    items: ['tent', { name: 'rope', length: 2.5 }],
    likes: { $counter: 1 },
    at: { $timestamp: 1700000000000 },
    icon: { $bytes: 'AAEC' },
  })
  const patch = [{ op: 'increment', path: '/likes', by: 4 }, { op: 'splice', path: '/title', index: 4, delete: 0, insert: ' to Rome' }]
  const edited = await data(owner.rpc('edit_doc', { project_uuid, doc: 'trip', patch, message: 'from SQL' }))
  const loaded = await load(here, 'trip')
  assert.deepEqual(sorted(Automerge.getHeads(loaded)), edited.heads)
  assert.equal(loaded.title, 'Trip to Rome')
  assert.equal(loaded.likes.value, 5)
  assert.deepEqual([...loaded.icon], [0, 1, 2])
  assert.equal(Automerge.getHistory(loaded).at(-1).change.message, 'from SQL')
})

test('two who create a document offline have one document', async () => {
  const here = await space()
  const [one, other] = ['one', 'other'].map((name) => Automerge.change(Automerge.load(FIRST), (d) => { d[name] = name }))
  await send(here, 'd', Automerge.getAllChanges(one))
  await send(here, 'd', Automerge.getAllChanges(other))
  assert.deepEqual(plain(await load(here, 'd')), { one: 'one', other: 'other' })
  assert.deepEqual(plain(Automerge.merge(one, other)), { one: 'one', other: 'other' })
})

test('an application hears of changes by events, and applies them', async () => {
  const here = await space()
  const { owner, project_uuid } = here
  const { seq } = await data(owner.rpc('put_doc', { project_uuid, doc: 'd', value: { a: 1 } }))
  let copy = await load(here, 'd')
  await data(owner.rpc('put_doc', { project_uuid, doc: 'd', value: { a: 2, text: 'é𝄞' } }))
  const events = await data(owner.rpc('poll_events', { project_uuid, after_seq: seq }))
  assert.deepEqual(events.map(({ event }) => event), ['doc:update'])
  const [{ changes, heads }] = events[0].payload.docs
  ;[copy] = Automerge.applyChanges(copy, changes.map((change) => new Uint8Array(Buffer.from(change, 'base64'))))
  assert.deepEqual([sorted(Automerge.getHeads(copy)), plain(copy)], [heads, { a: 2, text: 'é𝄞' }])
})

test('copies are the same after the sync protocol, whoever wrote what', async () => {
  const here = await space()
  const { owner, project_uuid } = here
  let docs = [0, 1, 2].map(() => Automerge.load(FIRST))
  let seed = Number(process.env.QUIRE_SEED ?? randomUUID().slice(0, 8).replace(/[^0-9]/g, '7'))
  console.log(`QUIRE_SEED=${seed}`)
  const dice = (sides) => (seed = (seed * 1103515245 + 12345) % 2147483648) % sides
  for (let round = 0; round < 5; round++) {
    docs = docs.map((doc) => Automerge.change(doc, (d) => {
      d[`key ${dice(4)}`] = dice(10)
      d.list ??= []
      d.list.splice(dice(d.list.length + 1), dice(2), dice(100))
    }))
    if (dice(2) === 0) await data(owner.rpc('put_doc', { project_uuid, doc: 'd', value: { round, list: [round] } }))
    for (const at of [0, 1, 2, 0, 1]) docs[at] = await synchronise(here, 'd', docs[at])
    const heads = docs.map((doc) => sorted(Automerge.getHeads(doc)))
    assert.deepEqual(heads[1], heads[0])
    assert.deepEqual(heads[2], heads[0])
    assert.deepEqual(await data(owner.rpc('read_doc', { project_uuid, doc: 'd' })), plain(docs[0]))
  }
})

test('what came in between is a conflict with the heads: 409', async () => {
  const here = await space()
  const { owner, project_uuid } = here
  const { heads: base_heads } = await data(owner.rpc('put_doc', { project_uuid, doc: 'd', value: { a: 1 } }))
  const { heads } = await data(owner.rpc('put_doc', { project_uuid, doc: 'd', value: { a: 2 } }))
  const stale = await refusal(owner.rpc('put_doc', { project_uuid, doc: 'd', value: { a: 3 }, base_heads }))
  const { reason, heads: now } = JSON.parse(stale.details)
  assert.deepEqual([stale.what, reason, now], ['409 PT409', 'stale_heads', heads])
})

test('a document is downloaded as application/automerge', async () => {
  const here = await space()
  const { owner, project_uuid } = here
  await data(owner.rpc('put_doc', { project_uuid, doc: 'd', value: { a: 1 } }))
  const { response, bytes } = await download(here, 'd')
  assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'application/automerge'])
  assert.deepEqual(plain(Automerge.load(bytes)), { a: 1 })
  assert.equal((await download(here, 'none')).response.status, 404)
})
