// examples/automerge-repo: automerge-repo's own acceptance tests for storage adapters, and what SQL and several repos see of documents.

import { Repo } from '@automerge/automerge-repo'
import { runStorageAdapterTests } from '@automerge/automerge-repo/helpers/tests/storage-adapter-tests.js'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { describe } from 'vitest'
import { QuireStorageAdapter, pgRpc, supabaseRpc } from '../../examples/automerge-repo/adapter.ts'
import { atEnd } from '../lib/ending.mjs'
import { data, user } from './client.mjs'

// As the superuser of the cluster.
const pool = new pg.Pool()
atEnd(() => pool.end())

const plain = (doc) => JSON.parse(JSON.stringify(doc))

/** A project of somebody new, and how they call a function. */
async function project() {
  const owner = user(randomUUID())
  return { owner, rpc: supabaseRpc(owner), project_uuid: await data(owner.rpc('create_project', { name: 'repo' })) }
}

for (const [name, rpcOf] of [['supabase-js', ({ rpc }) => rpc], ['pg', () => pgRpc(pool)]]) {
  describe(`over ${name}`, () =>
    runStorageAdapterTests(async () => {
      const here = await project()
      return { adapter: new QuireStorageAdapter(rpcOf(here), here.project_uuid) }
    }))
}

const repoOver = ({ rpc, project_uuid }) => new Repo({ storage: new QuireStorageAdapter(rpc, project_uuid), network: [] })

/** What `work` does with a repo over a project, which is shut down then, as a program that ends. */
async function withRepo(here, work, rpc = here.rpc) {
  const repo = repoOver({ ...here, rpc })
  try {
    const done = await work(repo)
    await repo.flush()
    return done
  } finally {
    await repo.shutdown()
  }
}

const read = ({ owner, project_uuid }, doc, at = {}) => data(owner.rpc('read_doc', { project_uuid, doc, ...at }))

test('what a repo has written the next one finds, and SQL reads', async () => {
  const here = await project()
  const { documentId, url } = await withRepo(here, async (repo) => {
    const handle = repo.create({ title: 'Trip', items: [] })
    handle.change((doc) => { doc.items.push('tent') })
    await repo.flush()
    handle.change((doc) => { doc.items.push('rope') })
    return handle
  })
  assert.deepEqual(await read(here, documentId), { title: 'Trip', items: ['tent', 'rope'] })
  await withRepo(here, async (repo) => {
    const handle = await repo.find(url)
    assert.deepEqual(plain(handle.doc()), { title: 'Trip', items: ['tent', 'rope'] })
    handle.change((doc) => { doc.title = 'Trip to Rome' })
  }, pgRpc(pool))
  assert.deepEqual(await read(here, documentId), { title: 'Trip to Rome', items: ['tent', 'rope'] })
  assert.deepEqual(await read(here, documentId, { at_seq: 1 }), { title: 'Trip', items: ['tent'] })
})

test('what SQL has edited a repo sees, and goes on from there', async () => {
  const here = await project()
  const { documentId, url } = await withRepo(here, (repo) => repo.create({ title: 'Trip', n: 1 }))
  const patch = [{ op: 'splice', path: '/title', index: 4, delete: 0, insert: ' to Rome' }]
  await data(here.owner.rpc('edit_doc', { project_uuid: here.project_uuid, doc: documentId, patch }))
  await withRepo(here, async (repo) => {
    const handle = await repo.find(url)
    assert.deepEqual(plain(handle.doc()), { title: 'Trip to Rome', n: 1 })
    handle.change((doc) => { doc.n = 2 })
  })
  assert.deepEqual(await read(here, documentId), { title: 'Trip to Rome', n: 2 })
})

test('a document that SQL has made is opened by its id', async () => {
  const here = await project()
  const { documentId, url } = await withRepo(await project(), (repo) => repo.create({}))
  await data(here.owner.rpc('put_doc', { project_uuid: here.project_uuid, doc: documentId, value: { from: 'SQL' } }))
  await withRepo(here, async (repo) => assert.deepEqual(plain((await repo.find(url)).doc()), { from: 'SQL' }))
})

test('two repos that know nothing of each other lose nothing', async () => {
  const here = await project()
  const { documentId, url } = await withRepo(here, (repo) => repo.create({ list: [] }))
  const add = (name) => withRepo(here, async (repo) => {
    const handle = await repo.find(url)
    for (let n = 0; n < 5; n++) {
      handle.change((doc) => { doc.list.push(`${name} ${n}`) })
      await repo.flush()
    }
  })
  await Promise.all([add('one'), add('other')])
  const { list } = await read(here, documentId)
  assert.equal(list.length, 10)
  await withRepo(here, async (repo) => assert.deepEqual(plain((await repo.find(url)).doc()), { list }))
})

test('chunks that are removed when a repo compacts leave the document whole', async () => {
  const here = await project()
  const removed = []
  const watching = (name, args) => {
    if (name === 'storage_remove') removed.push(args.key)
    return here.rpc(name, args)
  }
  const { documentId, url } = await withRepo(here, async (repo) => {
    const handle = repo.create({ text: '' })
    for (let n = 0; n < 12; n++) {
      handle.change((doc) => { doc.text += `${n} ${randomUUID().repeat(10)}\n` })
      await repo.flush()
    }
    return handle
  }, watching)
  assert.ok(removed.length > 0, 'nothing was compacted')
  const { text } = await read(here, documentId)
  assert.equal(text.split('\n').length, 13)
  await withRepo(here, async (repo) => assert.equal((await repo.find(url)).doc().text, text))
})

test('what a repo deletes is deleted, and its history stays', async () => {
  const here = await project()
  const { documentId, url } = await withRepo(here, (repo) => repo.create({ a: 1 }))
  const { seq } = await data(here.owner.rpc('get_project', { project_uuid: here.project_uuid }))
  // A repo does not wait for what it deletes, and one with a deleted document cannot be shut down.
  const repo = repoOver(here)
  await repo.find(url)
  repo.delete(url)
  const args = { project_uuid: here.project_uuid, doc: documentId }
  const isThere = async () => (await here.owner.rpc('read_doc', args)).error?.code !== 'PT404'
  for (let n = 0; await isThere(); n++) {
    assert.ok(n < 100, 'it is still there')
    await sleep(50)
  }
  assert.deepEqual(await read(here, documentId, { at_seq: seq }), { a: 1 })
})

test('a repo keeps its id, and a reader cannot write', async () => {
  const here = await project()
  const id = await withRepo(here, (repo) => repo.storageId())
  assert.equal(await withRepo(here, (repo) => repo.storageId()), id)
  const sub = randomUUID()
  await data(here.owner.rpc('set_project_member', { project_uuid: here.project_uuid, member: sub, role: 'viewer' }))
  const reader = new QuireStorageAdapter(supabaseRpc(user(sub)), here.project_uuid)
  assert.deepEqual((await reader.loadRange([])).map(({ key }) => key), [['storage-adapter-id']])
  await assert.rejects(reader.save(['a'], new Uint8Array([1])), ({ cause }) => cause.code === '42501')
})
