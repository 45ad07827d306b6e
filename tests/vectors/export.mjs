// Exports, as their README.txt describes them: made from what a database has, and read as somebody would without quire.

import { canonical, hash } from './forms.mjs'
import { Contradiction, Log, insist } from './replay.mjs'

const of = (base64) => Buffer.from(base64, 'base64')
const UTF8 = new TextDecoder('utf-8', { fatal: true })

/** Not UTF-8, or with a NUL. */
export function isBinary(bytes) {
  try {
    return UTF8.decode(bytes).includes('\0')
  } catch {
    return true
  }
}

/** RFC 3339 of microseconds since 1970, with all of them. */
function timestamp(micros) {
  const seconds = new Date(Math.floor(micros / 1_000_000) * 1000).toISOString().slice(0, 19)
  return `${seconds}.${String(micros % 1_000_000).padStart(6, '0')}Z`
}

/** The line of a version, without its ids; is_binary of what is not there is left out. */
function version({ file_path, version, file, is_deleted, moved }, { seq, committed_at }, ordinal, op, bytes) {
  const [moved_path, moved_version] = moved ?? [null, null]
  const known = is_deleted || bytes ? { is_binary: !is_deleted && isBinary(bytes) } : {}
  return { file_path, version, seq, ordinal, op, content_hash: is_deleted ? null : file.content_hash, size: is_deleted ? 0 : file.size,
    file_type: file.file_type, mode: file.mode, is_deleted, moved_path, moved_version, committed_at: timestamp(committed_at), ...known }
}

/** What an export of a database with this has, by path: mode and bytes. project.json in canonical form. */
export function exported({ project, bundles, contents, gone, tags }) {
  const [bundleLines, opLines, versionLines, newest] = [[], [], [], new Map()]
  const all = new Map(contents.map((content) => [hash(of(content)), of(content)]))
  const log = new Log()
  for (const { header, author, details, ops, versions } of bundles) {
    const told = log.bundle(header, ops)
    const ids = versions[Symbol.iterator]()
    told.ops.forEach(({ op, checksum, before, after, rows }, n) => {
      opLines.push({ seq: header.seq, ordinal: n + 1, op, checksum, before, after })
      for (const row of rows) {
        const id = ids.next().value
        const line = version(row, header, n + 1, op.op, all.get(row.file.content_hash))
        versionLines.push({ ...line, id, parent_version_id: newest.get(row.file_path) ?? null })
        newest.set(row.file_path, id)
      }
    })
    const { previous, checksum } = told
    const committed_at = timestamp(header.committed_at)
    bundleLines.push({ header, author, committed_at, op_count: ops.length, prev_checksum: previous, checksum, details })
  }
  const isGone = new Set(gone.map((content) => content.content_hash))
  const blobs = [...all].filter(([name]) => !isGone.has(name)).sort()
  const files = [...log.files].sort()

  const archive = new Map()
  const add = (path, bytes, mode = '100644') => archive.set(path, { mode, bytes: Buffer.from(bytes) })
  const addLines = (what, records) => {
    if (records.length > 0) add(`history/${what}/000001.jsonl`, records.map((record) => `${canonical(record)}\n`).join(''))
  }
  const totals = { file_count: files.length, total_bytes: files.reduce((sum, [, { size }]) => sum + size, 0) }
  const record = { ...project, ...totals, format: 'quire export', format_version: 1, seq: bundles.length, checksum: log.previous }
  add('project.json', canonical(record))
  addLines('bundles', bundleLines)
  addLines('operations', opLines)
  addLines('versions', versionLines)
  addLines('tags', tags)
  addLines('entities', log.entityRecords())
  addLines('assets', log.assetRecords())
  addLines('gone', gone)
  for (const [path, { mode, content_hash }] of files) add(`files/${path}`, all.get(content_hash), mode)
  for (const [name, bytes] of blobs) add(`blobs/${name}`, bytes)
  return archive
}

/** A file of the archive as it is in the vector. */
export function unpacked({ path, mode, lines, text, base64 }) {
  const bytes = lines ? lines.map((line) => `${line}\n`).join('') : text ?? of(base64)
  return [path, { mode, bytes: Buffer.from(bytes) }]
}

/** The files below a directory of an archive. */
const below = (archive, root) => [...archive].filter(([path]) => path.startsWith(root))

/** The objects of a history. */
function lines(archive, what) {
  return below(archive, `history/${what}/`).flatMap(([, { bytes }]) =>
    bytes.toString('utf8').split('\n').slice(0, -1).map((line) => {
      const record = parsed(line, `a line of ${what}`)
      insist(canonical(record) === line, `a line of ${what} is not in canonical form: ${line}`)
      return record
    }))
}

function parsed(text, what) {
  try {
    return JSON.parse(text)
  } catch {
    throw new Contradiction(`${what} is not JSON`)
  }
}

function same(said, computed, what) {
  insist(canonical(said) === canonical(computed), `${what} is said to be ${canonical(said)}, and is ${canonical(computed)}`)
}

/** What a reader of an archive recomputes; throws a Contradiction where there is one. */
export function recompute(archive) {
  const project = parsed(archive.get('project.json').bytes.toString('utf8'), 'project.json')
  const blobs = new Map(below(archive, 'blobs/').map(([path, { mode, bytes }]) => {
    insist(path === `blobs/${hash(bytes)}` && mode === '100644', `${path} has another hash or mode`)
    return [hash(bytes), bytes]
  }))
  const log = new Log()
  const bundles = replay(archive, project, log, blobs)
  same([project.format, project.format_version, project.seq, project.checksum],
    ['quire export', 1, bundles.length, log.previous], 'where the project stands')
  same([project.file_count, project.total_bytes],
    [log.files.size, [...log.files.values()].reduce((sum, { size }) => sum + size, 0)], 'what the project counts')
  for (const { seq } of lines(archive, 'tags')) insist(seq >= 0 && seq <= project.seq, 'a tag names no bundle')
  const gone = readGone(archive, blobs)
  checkContents(lines(archive, 'operations'), blobs, gone)
  compareState(archive, log, gone)
  return { bundles, blobs: [...blobs.keys()], files: log.fileRecords(), entities: log.entityRecords(), assets: log.assetRecords() }
}

/** Takes the log of the archive into `log`; every checksum, and what operations found, left and made, is as it is said. */
function replay(archive, project, log, blobs) {
  const [opLines, versionLines, newest] = [lines(archive, 'operations'), lines(archive, 'versions'), new Map()]
  const bundles = lines(archive, 'bundles').map(({ header, committed_at, op_count, prev_checksum, checksum }) => {
    const said = opLines.splice(0, op_count)
    const { previous, checksum: computed, ops } = log.bundle(header, said.map(({ op }) => op))
    const name = `bundle ${header.seq}`
    same([project.project_id, timestamp(header.committed_at), said.length], [header.project_id, committed_at, op_count], name)
    ops.forEach(({ op, checksum, before, after, rows }, n) => {
      same(said[n], { seq: header.seq, ordinal: n + 1, op, checksum, before, after }, `operation ${n + 1} of ${name}`)
      for (const row of rows) {
        const { id, parent_version_id, ...line } = versionLines.shift() ?? {}
        const bytes = blobs.get(row.file.content_hash)
        const { is_binary } = line
        same(line, { is_binary, ...version(row, header, n + 1, op.op, bytes) }, `a version of ${row.file_path}`)
        same(parent_version_id, newest.get(row.file_path) ?? null, `the version before one of ${row.file_path}`)
        newest.set(row.file_path, id)
      }
    })
    same([prev_checksum, checksum], [previous, computed], name)
    return { seq: header.seq, operations: ops.map(({ checksum }) => checksum), checksum }
  })
  insist(opLines.length === 0 && versionLines.length === 0, 'operations or versions are left that no bundle made')
  return bundles
}

function readGone(archive, blobs) {
  const gone = new Map()
  for (const { content_hash, size } of lines(archive, 'gone')) {
    insist(!blobs.has(content_hash) && !gone.has(content_hash), `${content_hash} is gone and there, or gone twice`)
    gone.set(content_hash, size)
  }
  return gone
}

/** What operations name is there or gone, as long as they say, and nothing else is. */
function checkContents(opLines, blobs, gone) {
  const named = new Set()
  for (const { op } of opLines.filter(({ op }) => op.op === 'file.put' || op.op === 'asset.put')) {
    const size = blobs.get(op.content_hash)?.length ?? gone.get(op.content_hash)
    insist(size === op.size, `${op.content_hash} is missing, or has another size`)
    named.add(op.content_hash)
  }
  for (const name of [...blobs.keys(), ...gone.keys()]) insist(named.has(name), `nothing ever was of ${name}`)
}

/** files/, entities and assets are what the log leads to. */
function compareState(archive, log, gone) {
  const files = below(archive, 'files/').map(([path, { mode, bytes }]) => [path.slice('files/'.length), [mode, hash(bytes), bytes.length]])
  const there = [...log.files].filter(([, { content_hash }]) => !gone.has(content_hash))
  const current = there.map(([path, { mode, content_hash, size }]) => [path, [mode, content_hash, size]])
  same(files.sort(), current.sort(), 'what is in files/')
  const unordered = (records) => records.map(canonical).sort()
  same(unordered(lines(archive, 'entities')), unordered(log.entityRecords()), 'what entities are')
  same(unordered(lines(archive, 'assets')), unordered(log.assetRecords()), 'what assets are')
}
