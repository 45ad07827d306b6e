// The apply function of the container without a server: what it does with events, and what it refuses.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, symlinkSync, unlinkSync, writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { blake3 } from 'hash-wasm'
import { applyEvent } from '../../examples/preview-container/apply.js'
import { Refused, Tree } from '../../examples/preview-container/tree.js'
import { pathsBelow } from './disk.mjs'

let above, root, tree
beforeEach(() => {
  above = mkdtempSync(join(tmpdir(), 'apply-'))
  root = join(above, 'site')
  tree = Tree.make(root)
})
afterEach(() => rmSync(above, { recursive: true }))

const at = (path) => join(root, path)
const noFetch = () => assert.fail('nothing is to be fetched')

async function file(file_path, content, mode = '100644') {
  return { file_path, content, content_hash: await blake3(content), mode, version: 1 }
}
const apply = (event, payload, fetch = noFetch) => applyEvent(tree, { event, payload }, fetch)
const update = async (...of) => apply('file:update', await file(...of))
const bulk = (...files) => apply('bulk:apply', { files })

async function refuses(doing, pattern) {
  const before = pathsBelow(above)
  await assert.rejects(doing, (error) => error instanceof Refused && pattern.test(error.message))
  assert.deepEqual(pathsBelow(above), before, 'nothing is written, also beside the tree')
}

test('an update is written with its mode, a delete takes empty directories along', async () => {
  await update('src/bin/run.sh', '#!/bin/sh\n', '100755')
  assert.equal(readFileSync(at('src/bin/run.sh'), 'utf8'), '#!/bin/sh\n')
  assert.equal(lstatSync(at('src/bin/run.sh')).mode & 0o777, 0o755)
  await update('src/bin/run.sh', '#!/bin/sh\n', '100644')
  assert.equal(lstatSync(at('src/bin/run.sh')).mode & 0o777, 0o644)
  await update('src/link', 'bin/run.sh', '120000')
  assert.equal(readlinkSync(at('src/link')), 'bin/run.sh')
  await apply('file:delete', { file_path: 'src/bin/run.sh', version: 3 })
  assert.deepEqual(pathsBelow(root), ['src', 'src/link'])
  await apply('file:delete', { file_path: 'src/link', version: 2 })
  assert.deepEqual([readdirSync(root), tree.files.size], [[], 0])
})

test('the same event again writes nothing', async () => {
  await update('a.txt', 'one')
  const { ino, mtimeMs } = lstatSync(at('a.txt'))
  assert.equal(await update('a.txt', 'one'), 0)
  assert.deepEqual([lstatSync(at('a.txt')).ino, lstatSync(at('a.txt')).mtimeMs], [ino, mtimeMs])
  for (let times = 0; times < 2; times++) await apply('file:delete', { file_path: 'a.txt' })
  assert.ok(!existsSync(at('a.txt')))
})

test('a bulk may turn a file into a directory and back, whatever the order', async () => {
  await update('a', 'file')
  await bulk({ action: 'update', ...(await file('a/b', 'below')) }, { action: 'delete', file_path: 'a' })
  assert.equal(readFileSync(at('a/b'), 'utf8'), 'below')
  await bulk({ action: 'update', ...(await file('a', 'file')) }, { action: 'delete', file_path: 'a/b' })
  assert.equal(readFileSync(at('a'), 'utf8'), 'file')
})

test('binary content comes as base64, and what was left out is fetched by version', async () => {
  const bytes = Buffer.from([0, 255, 0])
  const content_hash = await blake3(bytes)
  await apply('file:update', { file_path: 'b', content: null, content_base64: bytes.toString('base64'), content_hash, mode: '100644' })
  assert.deepEqual(readFileSync(at('b')), bytes)
  const asked = []
  const fetch = (...of) => (asked.push(of), bytes)
  await apply('file:update', { file_path: 'c', content_omitted: true, content_hash, mode: '100644', version: 7 }, fetch)
  assert.deepEqual([asked, readFileSync(at('c'))], [[['c', 7]], bytes])
})

test('events that change no file, and unknown ones, are ignored', async () => {
  for (const event of ['snapshot:ready', 'project:renamed', undefined]) {
    assert.equal(await apply(event, { file_path: '../x', files: [{ action: 'update', file_path: '../x' }] }), 0)
  }
})

test('a wrong hash is refused, and what was there stays', async () => {
  await update('a.txt', 'good')
  const wrong = { ...(await file('a.txt', 'good')), content: 'evil', content_hash: await blake3('better') }
  await refuses(() => apply('file:update', wrong), /has the hash .*, not /)
  await refuses(() => apply('file:update', { ...wrong, file_path: 'new.txt' }), /has the hash/)
  await refuses(() => apply('file:update', { ...wrong, file_path: 'link', mode: '120000' }), /has the hash/)
  await refuses(() => apply('file:update', { ...wrong, content: undefined }), /without its content/)
  const fetch = () => Buffer.from('evil')
  await refuses(() => apply('file:update', { ...wrong, content_omitted: true }, fetch), /has the hash/)
  assert.equal(readFileSync(at('a.txt'), 'utf8'), 'good')
})

const HOSTILE = ['', '/etc/passwd', '..', '../x', 'a/../../x', 'a/..', './a', 'a//b', 'a/', 'a\\..\\x', 'a\0b', 'a\nb', '\ud800',
  'x'.repeat(256), 'a/'.repeat(600) + 'a', null, 7, { toString: () => 'a' }]

test('hostile paths are refused in every kind of event, before anything else is done', async () => {
  writeFileSync(join(above, 'x'), 'mine')
  await update('keep', 'keep')
  for (const hostile of HOSTILE) {
    const bad = { ...(await file('a', 'text')), file_path: hostile }
    const good = { action: 'update', ...(await file('good', 'text')) }
    await refuses(() => apply('file:update', bad), /unsafe path/)
    await refuses(() => apply('file:delete', { file_path: hostile }), /unsafe path/)
    await refuses(() => bulk(good, { action: 'delete', file_path: 'keep' }, { action: 'update', ...bad }), /unsafe path/)
    await refuses(() => bulk(good, { action: 'delete', file_path: hostile }), /unsafe path/)
  }
  await refuses(async () => bulk({ ...(await file('a', 'text')), action: 'rename' }), /unknown action/)
  for (const mode of ['104755', '040000', '', undefined, '__proto__', 'constructor']) {
    await refuses(async () => apply('file:update', { ...(await file('a', 'text')), mode }), /unknown mode/)
  }
  assert.equal(readFileSync(join(above, 'x'), 'utf8'), 'mine')
})

test('a symlink that leads outside is refused', async () => {
  for (const [path, target] of [
    ['l', '/etc'], ['l', '..'], ['l', '../x'], ['a/l', '../../x'], ['a/l', 'b/../../../x'], ['l', 'a\\b'], ['l', 'a\0b'], ['l', ''],
  ]) {
    await assert.rejects(() => update(path, target, '120000'), Refused, `${path} -> ${target}`)
    assert.ok(!existsSync(at(path)))
  }
  await update('a/l', '../b', '120000')
})

test('nothing is written or deleted through a symlink in the place of a directory', async () => {
  mkdirSync(join(above, 'outside'))
  writeFileSync(join(above, 'outside/f'), 'mine')
  symlinkSync('../outside', at('out'))
  await refuses(() => update('out/f', 'evil'), /which is no directory/)
  await refuses(() => apply('file:delete', { file_path: 'out/f' }), /which is no directory/)
  // A file that is a symlink is replaced, not followed.
  symlinkSync('../outside/f', at('f'))
  await update('f', 'new')
  assert.deepEqual([readFileSync(join(above, 'outside/f'), 'utf8'), lstatSync(at('f')).isSymbolicLink()], ['mine', false])
})

test('looking at the disk waits for nobody, and follows nothing', async () => {
  await Promise.all(['pipe', 'link', 'directory', 'gone', 'kept'].map((path) => update(path, 'x')))
  for (const path of ['pipe', 'link', 'directory', 'gone']) unlinkSync(at(path))
  execFileSync('mkfifo', [at('pipe')])
  symlinkSync('kept', at('link'))
  mkdirSync(at('directory'))
  await tree.look()
  const { content_hash } = await file('kept', 'x')
  assert.deepEqual(new Map([...tree.files].sort()), new Map([
    ['kept', { content_hash, mode: '100644' }], ['link', { content_hash: await blake3('kept'), mode: '120000' }]]))
  await update('pipe', 'x')
  assert.equal(readFileSync(at('pipe'), 'utf8'), 'x')
})

test('a directory with something in it is not taken', () => {
  writeFileSync(at('mine'), '')
  assert.throws(() => Tree.make(root), /is not empty/)
})
