// run_tests of node-suite.sh: whatever goes wrong in a file, it ends, is counted, and leaves nothing running.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const FIXTURES = fileURLToPath(new URL('fixtures', import.meta.url))
const SCRIPT = 'suite=fixtures; . ../node-suite.sh; trap \'rm -rf "$work"\' EXIT; run_tests "$@"'

/** Runs files as a suite, each for some seconds at most; tells what it printed, its last line, and how long it took. */
async function suite(limit, ...files) {
  const startedAt = performance.now()
  const env = { ...process.env, QUIRE_FILE_SECONDS: String(limit), QUIRE_NO_LIMITS: '' }
  const [status, said] = await new Promise((done) =>
    execFile('bash', ['-euo', 'pipefail', '-c', SCRIPT, 'bash', ...files], { cwd: FIXTURES, env }, (error, stdout, stderr) =>
      done([error ? error.code : 0, stdout + stderr])))
  const seconds = (performance.now() - startedAt) / 1000
  assert.equal(status, 1, said)
  for (const [, pid] of said.matchAll(/^started (\d+)$/gm)) await isGone(pid)
  return { said, seconds, last: said.match(/^\d+ passed, \d+ failed$/m)?.[0] }
}

async function isGone(pid) {
  for (let n = 0; isAlive(pid); n++) {
    assert.ok(n < 50, `process ${pid} still runs`)
    await sleep(100)
  }
}

function isAlive(pid) {
  try {
    // Whoever ended and is not waited for yet is Z.
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('a failed test ends its suite, with what it started, and says why it failed', async () => {
  const { said, seconds, last } = await suite(60, 'fails.mjs')
  assert.match(said, /^started \d+$/m)
  assert.match(said, /as it should/)
  assert.equal(last, '1 passed, 1 failed', said)
  assert.ok(seconds < 30, `${seconds} s`)
})

test('a hook that fails half-way ends its suite, and one ending that fails keeps no other from its turn', async () => {
  const { said, last } = await suite(60, 'half-way.mjs')
  assert.match(said, /^started \d+$/m)
  assert.match(said, /^ended first$/m)
  assert.match(said, /as it should/)
  assert.match(last, /^0 passed, [12] failed$/, said)
})

test('a test that hangs is ended, whether it waits or works, and the next file has its turn', async () => {
  const { said, last } = await suite(3, 'hangs.mjs', 'spins.mjs')
  assert.match(said, /^started \d+$/m)
  for (const file of ['hangs.mjs', 'spins.mjs']) assert.ok(said.includes(`${file}: took longer than 3 seconds`), said)
  assert.equal(last, '1 passed, 2 failed', said)
})

test('a file that breaks before its first test counts as one failure', async () => {
  assert.equal((await suite(60, 'breaks.mjs')).last, '0 passed, 1 failed')
})
