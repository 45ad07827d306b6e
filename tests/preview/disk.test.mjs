// What the other tests compare a container's directory with must itself see the directory right.

import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { blake3 } from 'hash-wasm'
import { onDisk, pathsBelow, walk } from './disk.mjs'

const above = mkdtempSync(join(tmpdir(), 'disk-'))
after(() => rmSync(above, { recursive: true }))

const site = join(above, 'site')
mkdirSync(join(site, 'a/empty'), { recursive: true })
mkdirSync(join(above, 'outside'))
writeFileSync(join(above, 'outside/not-ours'), '')
writeFileSync(join(site, 'a/run.sh'), '#!/bin/sh\n')
chmodSync(join(site, 'a/run.sh'), 0o755)
const LINKS = { 'a/out': '../../outside', 'a/up': '..', nowhere: 'gone', run: 'a/run.sh' }
for (const [path, target] of Object.entries(LINKS)) symlinkSync(target, join(site, path))

test('a walk follows no symlink: not to a directory outside, not to one above, not to nothing', () => {
  assert.deepEqual(pathsBelow(site), ['a', 'a/empty', 'a/out', 'a/run.sh', 'a/up', 'nowhere', 'run'])
})

test('a walk leaves out directories that are skipped, and files of that name not', () => {
  assert.deepEqual([...walk(site, (name) => ['a', 'run'].includes(name))].map(({ path }) => path).sort(), ['nowhere', 'run'])
})

test('what is on disk: files with their modes, and symlinks by their targets', async () => {
  const expected = { 'a/run.sh': `100755 ${await blake3('#!/bin/sh\n')}` }
  for (const [path, target] of Object.entries(LINKS)) expected[path] = `120000 ${await blake3(target)}`
  assert.deepEqual(await onDisk(site), expected)
})
