// What vectors say beside what is computed from them, found by what it is and not by where it stands: every hash is of something
// that is here, every size is a length, every content is beside its hash, every log is one.

import { opsOf } from './event.mjs'
import { isBinary } from './export.mjs'
import { NO_BUNDLE, canonical, hash } from './forms.mjs'
import { Contradiction, Log, insist, isSameState, packedFiles } from './replay.mjs'
import { unzip } from './zip.mjs'
import { createHash } from 'node:crypto'

/** Larger contents are not in the vectors: of them it is only known that one hash has one size. */
const MOST_BYTES = 1 << 20
const HASH = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g
/** What is no hash, or is computed elsewhere, of token.json. */
const SECRETS = ['kept', 'stored', 'secret', 'tag']

const isHash = (value) => typeof value === 'string' && value.match(HASH)?.[0] === value

/** Every object below a value; texts that are JSON are looked into. */
function* objects(value) {
  if (typeof value === 'string' && value.startsWith('{')) {
    try {
      value = JSON.parse(value)
    } catch {
      return
    }
  }
  if (value === null || typeof value !== 'object') return
  if (!Array.isArray(value)) yield value
  for (const member of Object.values(value)) yield* objects(member)
}

/** The log of a file, if it has one: headers and operations. */
function logOf({ bundles, input, events }) {
  if (input) return input.bundles.map(({ header, ops }) => [header, ops])
  if (events) return events.map(({ bundle }) => [bundle.header, opsOf(bundle)])
  return bundles?.map(({ header, ops }) => [JSON.parse(header), ops.map((op) => JSON.parse(op.canonical))]) ?? []
}

/** Throws a Contradiction where a vector file is not what it claims. `sizes` is what the files before said. */
export function checkClaims(vector, sizes = new Map()) {
  const carried = ({ contents = [], archives = [] }) => [...contents, ...archives]
  const texts = [...carried(vector), ...carried(vector.input ?? {})]
  const here = new Map(texts.map((text) => Buffer.from(text, 'base64')).map((bytes) => [hash(bytes), bytes]))
  const explained = new Set([NO_BUNDLE, ...checkLog(logOf(vector), here)])
  const named = new Set()
  for (const object of objects(vector)) {
    if (typeof object.content_hash === 'string') {
      named.add(object.content_hash)
      checkContent(object, here.get(object.content_hash), sizes)
    }
    if (object.op === 'snapshot.ready') checkArchive(object, here.get(object.content_hash))
    if (object.op === 'doc.change') for (const change of object.changes) explained.add(hashOfChange(change))
    for (const form of formsOf(object)) explained.add(form)
  }
  for (const name of here.keys()) insist(named.has(name), `nothing is of the content ${name}`)
  for (const name of named) explained.add(name)
  for (const found of hashesOf(vector)) insist(explained.has(found), `nobody knows what ${found} is of`)
}

/** What is said of a content in one object. */
function checkContent({ content_hash: name, size, content, content_base64, is_binary, ...more }, bytes, sizes) {
  if (typeof size === 'number' && more.is_deleted !== true) {
    insist((sizes.get(name) ?? size) === size, `${name} has two sizes`)
    sizes.set(name, size)
  }
  const known = size ?? sizes.get(name)
  insist(bytes ? known === undefined || known === bytes.length : known > MOST_BYTES, `${name} is not here, or not as long as ${known}`)
  if (bytes && typeof is_binary === 'boolean') insist(is_binary === isBinary(bytes), `${name} is binary, or it is not`)
  const base64 = content?.base64 ?? content_base64
  const isText = typeof content === 'string' && ('timestamp' in more || 'action' in more)
  const beside = base64 !== undefined ? Buffer.from(base64, 'base64') : isText ? Buffer.from(content) : undefined
  if (beside) insist(hash(beside) === name && beside.length === size, `${name} is not of the content beside it`)
}

/** An archive has as many files as its snapshot says. */
function checkArchive({ format, file_count }, archive) {
  if (archive && format === 'zip') insist(unzip(archive).size === file_count, 'an archive has another number of files')
}

/** Checksums of what an object says; those that it says are the same. */
function* formsOf(object) {
  const { op, canonical: form, checksum, op_checksum } = object
  if (typeof form === 'string') {
    insist(canonical(JSON.parse(form)) === form && hash(form) === checksum, `${form} has another form or checksum`)
    yield checksum
  }
  if (op === null || typeof op !== 'object') return
  const computed = hash(canonical(op))
  // Of an event, checksum is the bundle's.
  if ('ordinal' in object) insist(checksum === computed, `an operation of bundle ${object.seq} has another checksum`)
  insist((op_checksum ?? computed) === computed, 'an operation of the system has another checksum')
  yield computed
}

/** Checksums of the bundles of a log that is one. */
function checkLog(bundles, here) {
  const log = new Log()
  return bundles.flatMap(([header, ops]) => {
    const { checksum, ops: done } = log.bundle(header, ops)
    const { seq, undoes_seq = null, kind } = header
    insist((undoes_seq !== null) === (kind === 'undo'), `bundle ${seq} is of another kind`)
    if (undoes_seq === seq - 1) insist(isSameState(log.states[seq], log.states[seq - 2]), `bundle ${seq} does not lead back`)
    for (const { op } of done.filter(({ op }) => op.op === 'snapshot.ready' && op.format === 'zip')) {
      const files = [...packedFiles(log, op)].map(([path, { mode, content_hash }]) => [path, mode, content_hash])
      insist(here.has(op.content_hash), `the snapshot of ${op.seq} is not here`)
      const packed = [...unzip(here.get(op.content_hash))].map(([path, { mode, bytes }]) => [path, mode, hash(bytes)])
      insist(canonical(packed.sort()) === canonical(files.sort()), `the snapshot of ${op.seq} has other files`)
    }
    return [checksum, ...done.map(({ checksum }) => checksum)]
  })
}

/** Every text of 64 hex digits, wherever it stands; not the secrets of tokens. */
function* hashesOf(value, member = '') {
  if (typeof value === 'string' && !SECRETS.includes(member)) yield* (value.match(HASH) ?? [])
  if (value !== null && typeof value === 'object') {
    for (const [name, inner] of Object.entries(value)) {
      yield* name.match(HASH) ?? []
      yield* hashesOf(inner, name)
    }
  }
}

/** What is not noticed when it is another hash or another size, of all that a file says; hashes of large contents are not told. */
export function* unnoticed(vector) {
  const large = new Set([...objects(vector)].filter(({ size }) => size > MOST_BYTES).map((object) => object.content_hash))
  const claims = [...leaves(vector)].filter(([path, value]) =>
    path.at(-1) === 'size' || (isHash(value) && !large.has(value) && !SECRETS.includes(path.at(-1))))
  for (const [path, value] of claims) {
    const other = typeof value === 'number' ? value + 1 : (value[0] === '0' ? '1' : '0') + value.slice(1)
    if (!refuses(() => checkClaims(changed(vector, path, other)))) yield path.join('.')
  }
}

/** Whether something finds a contradiction. */
export function refuses(check) {
  try {
    check()
    return false
  } catch (error) {
    if (!(error instanceof Contradiction)) throw error
    return true
  }
}

/** Each value that has no members, with the way to it. */
export function* leaves(value, path = []) {
  if (value === null || typeof value !== 'object') yield [path, value]
  else for (const [member, inner] of Object.entries(value)) yield* leaves(inner, [...path, member])
}

/** The same with another value there. */
export function changed(value, [member, ...path], to) {
  if (member === undefined) return to
  const copy = Array.isArray(value) ? [...value] : { ...value }
  copy[member] = changed(value[member], path, to)
  return copy
}

/** The hash of an Automerge change: SHA-256 of all but what it begins with and its checksum, which is the first bytes of the hash. */
function hashOfChange(base64) {
  const bytes = Buffer.from(base64, 'base64')
  const hash = createHash('sha256').update(bytes.subarray(8)).digest()
  insist(bytes.subarray(4, 8).equals(hash.subarray(0, 4)), `${base64} is no change`)
  return hash.toString('hex')
}
