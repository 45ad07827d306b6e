// What the end-to-end tests need around the container: connections, a project, a network that can be cut, and the
// container itself as a child process.

import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { createServer as createWebServer } from 'node:http'
import { connect, createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { atEnd, spawnChild } from '../lib/ending.mjs'
import { walk } from './disk.mjs'

const { PGHOST, PGPORT, PGDATABASE } = process.env
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))
const MAIN = join(REPOSITORY, 'examples/preview-container/main.js')
export const FILES = 1000

/** A connection as a role, by default the superuser of the cluster. `rows` and `value` run one statement. */
export async function session(user) {
  const client = new pg.Client(user && { user })
  await client.connect()
  atEnd(() => client.end())
  const rows = async (text, ...values) => (await client.query(text, values)).rows
  const value = async (...of) => Object.values((await rows(...of))[0])[0]
  return { rows, value }
}

/** Numbers that are the same in every run (mulberry32). */
export function dice(seed) {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** Text files below directories, in order, until there are enough. */
function textFiles(root, tops, enough) {
  const files = []
  for (const top of tops) {
    const found = [...walk(join(root, top), (name) => /node_modules|output/.test(name))]
      .filter(({ entry }) => entry.isFile()).map(({ path }) => join(top, path)).sort()
    for (const file_path of found) {
      if (files.length === enough) return files
      const bytes = readFileSync(join(root, file_path))
      const content = bytes.toString()
      if (bytes.equals(Buffer.from(content)) && !bytes.includes(0)) files.push({ file_path, content })
    }
  }
  return files
}

/** 980 text files, of this repository and of the crates it is built with; then binary ones, executables, symlinks and odd names. */
export function sourceFiles() {
  const own = textFiles(REPOSITORY, ['src', 'sql', 'docs', 'tests', 'benches', 'pg_regress', 'examples'], FILES - 20)
  const registry = join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'registry/src')
  const crates = readdirSync(registry).flatMap((index) => readdirSync(join(registry, index)).map((crate) => join(index, crate)))
  const files = [...own, ...textFiles(registry, crates.sort(), FILES - 20 - own.length)]
  assert.equal(files.length, FILES - 20)
  const roll = dice(1)
  const binary = (size) => Buffer.from(Uint8Array.from({ length: size }, () => roll(256))).toString('base64')
  for (let n = 0; n < 5; n++) {
    files.push({ file_path: `odd/binary-${n}.bin`, content_base64: binary(1000 * 4 ** n) })
    files.push({ file_path: `odd/run-${n}.sh`, content: `#!/bin/sh\necho ${n}\n`, mode: '100755' })
    files.push({ file_path: `odd/link-${n}`, content: `run-${n}.sh`, mode: '120000' })
    files.push({ file_path: ['odd/leer', 'odd/größe.txt', 'odd/日本 語/🦀.rs', 'odd/-rf *', 'odd/up/link'][n],
      content: n ? '../run-0.sh' : '', mode: n === 4 ? '120000' : '100644' })
  }
  return files
}

/** A TCP proxy in front of the server. While it is cut nothing gets through, and what was open is closed. */
export async function network() {
  const open = new Set()
  const said = []
  let isCut = false
  const server = createServer((near) => {
    if (isCut) return near.destroy()
    near.on('data', (data) => said.push(data))
    const port = Number(PGPORT)
    const far = connect(PGHOST.startsWith('/') ? { path: `${PGHOST}/.s.PGSQL.${port}` } : { host: PGHOST, port })
    for (const [one, other] of [[near, far], [far, near]]) {
      open.add(one.setNoDelay(true))
      one.on('error', () => {}).on('close', () => (other.destroy(), open.delete(one))).pipe(other)
    }
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const closeAll = () => open.forEach((socket) => socket.destroy())
  atEnd(() => (server.close(), closeAll()))
  return {
    port: server.address().port,
    /** What clients have sent, as text. */
    said: () => Buffer.concat(said).toString('latin1'),
    cut: () => ((isCut = true), closeAll()),
    repair: () => (isCut = false),
  }
}

/** A web server that answers with `answer`; tells its URL. */
export async function webServer(answer) {
  const server = createWebServer(answer)
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  atEnd(() => (server.close(), server.closeAllConnections()))
  return `http://127.0.0.1:${server.address().port}`
}

/** Starts a container with what begin_session returned; it connects with nothing but quire_guest. */
export function container(directory, variables, port) {
  const where = { PGDATABASE, PGUSER: 'quire_preview_container', PGHOST: '127.0.0.1', PGPORT: String(port) }
  const env = { PATH: process.env.PATH, ...where, ...variables }
  const startedAt = performance.now()
  const child = spawnChild(process.execPath, [MAIN, directory], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const states = []
  let stderr = ''
  child.stderr.on('data', (data) => (stderr += data))
  createInterface({ input: child.stdout }).on('line', (line) => states.push({ ...JSON.parse(line), at: performance.now() - startedAt }))
  const ended = new Promise((done) => child.on('close', (status) => done({ status, stderr })))
  const stop = () => {
    if (child.exitCode === null) child.kill('SIGTERM')
    return ended
  }
  atEnd(stop)
  return {
    directory, states, ended, stop,
    /** Waits for a state that fits, and tells it; only later ones than `after`. */
    async reaches(fits, { after = 0, seconds = 30 } = {}) {
      const found = await eventually(() => states.slice(after).find(fits) ?? (child.exitCode !== null && 'ended'), seconds)
      assert.ok(found && found !== 'ended', `the container is not there: ${JSON.stringify(states.slice(-3))} ${stderr}`)
      return found
    },
  }
}

/** Waits until `fits()` is true; looks every millisecond. */
export async function eventually(fits, seconds = 10) {
  for (const until = performance.now() + seconds * 1000; performance.now() < until; await sleep(1)) {
    const found = await fits()
    if (found) return found
  }
  return null
}

/** What is in a project, by list_current_files; the modes are from the view. */
export async function inProject(admin, project) {
  const rows = await admin.rows(
    `SELECT l.file_path, v.mode || ' ' || l.content_hash AS what
     FROM quire.list_current_files($1) l
     JOIN quire.project_files_current v ON v.project_id = $1 AND v.file_path = l.file_path`, project)
  return Object.fromEntries(rows.map(({ file_path, what }) => [file_path, what]))
}

/** The value that a share of a list of numbers does not exceed. */
export function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]
}
