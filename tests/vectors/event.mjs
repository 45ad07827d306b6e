// What subscribers are told of a bundle, as crates/quire-core/src/event.rs and docs/guide/events.md describe it.

import { isBinary } from './export.mjs'

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** RFC 3339 of microseconds since 1970, without zeros at the end of the fraction. */
function timestamp(micros) {
  const second = new Date(Math.floor(micros / 1_000_000) * 1000).toISOString().slice(0, 19)
  const fraction = String(micros % 1_000_000).padStart(6, '0').replace(/0+$/, '')
  return fraction === '' ? `${second}Z` : `${second}.${fraction}Z`
}

/** What is last of each key, in that order. */
function lastOfEach(items, key) {
  return items.filter((item, n) => items.findLastIndex((other) => key(other) === key(item)) === n)
}

function nameOf({ op, files = [], fields, assets = [] }) {
  if (op) return op.op === 'snapshot.ready' ? 'snapshot:ready' : 'bulk:apply'
  const hasFields = fields === undefined || fields.length > 0
  const paths = new Set(files.map((file) => file.file_path))
  if (paths.size === 1 && !hasFields && assets.length === 0) return files.at(-1).file ? 'file:update' : 'file:delete'
  if (paths.size === 0 && hasFields && assets.length === 0) return 'entity:update'
  if (paths.size === 0 && !hasFields && assets.length > 0) return 'asset:update'
  return 'bulk:apply'
}

function contentOf({ content, is_binary: isBinary }) {
  if (content === 'not_asked') return {}
  if (content === 'omitted') return { content_omitted: true }
  if (typeof content === 'string') return { content_omitted: true, content_unavailable: content }
  if (!isBinary) return { content: UTF8.decode(Buffer.from(content.base64, 'base64')) }
  return { content: null, content_base64: content.base64 }
}

function described({ file_path, version, moved_from, file }) {
  const moved = moved_from === undefined ? {} : { moved_from }
  if (!file) return { file_path, version, ...moved }
  const { content, ...known } = file
  return { file_path, version, ...moved, ...known, ...contentOf(file) }
}

/** Entities in the order in which they were touched first; each with the last state of its fields. */
function entities(fields) {
  const touched = new Map()
  for (const { op, entity_type, entity_id, field, ...rest } of fields) {
    const key = JSON.stringify([entity_type, entity_id])
    if (!touched.has(key)) touched.set(key, { entity_type, entity_id, fields: new Map() })
    const entity = touched.get(key)
    entity.action = op === 'entity.delete' ? 'delete' : 'update'
    entity.fields.set(field, rest)
  }
  return [...touched.values()].map(({ fields, ...entity }) => {
    const set = [...fields].filter(([, state]) => 'value' in state).map(([field, { value }]) => [field, value])
    const unset = [...fields].filter(([, state]) => !('value' in state)).map(([field]) => field)
    return { ...entity, fields: Object.fromEntries(set), unset: unset.sort() }
  })
}

function asset({ is_deleted: isDeleted, ...known }) {
  return { action: isDeleted ? 'delete' : 'put', ...known }
}

function changes(event, { op, files = [], fields, assets = [] }) {
  if (op) {
    const { op: _, ...members } = op
    return members
  }
  const last = lastOfEach(files, (file) => file.file_path)
  const payload = {}
  if (event === 'bulk:apply') {
    payload.files = last.map((file) => ({ action: file.file ? 'update' : 'delete', ...described(file) }))
  } else if (last.length === 1) {
    Object.assign(payload, described(last[0]))
  }
  if (assets.length > 0) payload.assets = lastOfEach(assets, (asset) => asset.content_hash).map(asset)
  if (fields === undefined) payload.content_omitted = true
  else if (fields.length > 0) payload.entities = entities(fields)
  return payload
}

const largeOps = new WeakMap()

/** The operations of a bundle, also those that large_fields stands for, which are made once. */
export function opsOf({ ops, large_fields: large }) {
  if (!large) return ops
  if (!largeOps.has(large)) {
    const { entity_type, entity_id, count, bytes } = large
    const value = 'x'.repeat(bytes)
    const field = (_, n) => ({ op: 'field.set', entity_type, entity_id, field: String(n + 1), value })
    largeOps.set(large, Array.from({ length: count }, field))
  }
  return [...ops, ...largeOps.get(large)]
}

/** Most bytes of fields in an event. */
const MOST_FIELD_BYTES = 32 << 20

/** What a bundle did, by its place in the log; `said` tells why a content is not there, and of which peer the bundle is. */
export function inputOf({ header }, { checksum, ops }, contents, said) {
  const files = ops.flatMap(({ rows }) => rows).map(({ file_path, version, file, is_deleted, moved }, n) => {
    if (is_deleted) return { file_path, version }
    const bytes = contents.get(file.content_hash)
    const away = said.files?.[n]?.file?.content
    const content = typeof away === 'string' ? away : { base64: bytes.toString('base64') }
    const is_binary = bytes ? isBinary(bytes) : said.files[n].file.is_binary
    return { file_path, version, ...(moved ? { moved_from: moved[0] } : {}), file: { ...file, is_binary, content } }
  })
  const fields = ops.flatMap(({ op, lost }) => {
    if (op.op === 'entity.delete') return lost.map((field) => ({ ...op, field }))
    return op.op.startsWith('field.') ? [op] : []
  })
  const assets = ops.filter(({ op }) => op.op.startsWith('asset.')).map(({ op, before }) => {
    const { op: name, ...members } = op
    return name === 'asset.put' ? { ...members, is_deleted: false } : { ...before, ...members, is_deleted: true }
  })
  const fieldBytes = fields.reduce((sum, { value }) => sum + (value === undefined ? 0 : JSON.stringify(value).length), 0)
  const some = (member, records) => (records.length > 0 ? { [member]: records } : {})
  return {
    seq: header.seq, checksum, sender: header.actor_id, committed_at: header.committed_at,
    ...(said.from_peer === undefined ? {} : { from_peer: said.from_peer }),
    ...(ops[0]?.op.op === 'snapshot.ready' ? { op: ops[0].op } : {}),
    ...(fieldBytes > MOST_FIELD_BYTES ? {} : { fields }),
    ...some('files', files), ...some('assets', assets),
  }
}

/** Name, payload, message and hint of the event of a bundle. */
export function eventOf(input) {
  const event = nameOf(input)
  const when = timestamp(input.committed_at)
  const peer = input.from_peer === undefined ? {} : { from_peer: input.from_peer }
  const payload = { ...changes(event, input), timestamp: when, sender: input.sender, ...peer }
  // A snapshot's own seq is another one.
  const tree = 'seq' in payload ? { tree_seq: payload.seq } : {}
  return {
    event,
    payload,
    message: { ...payload, ...tree, seq: input.seq, checksum: input.checksum.slice(0, 16), timestamp: when },
    hint: { event, seq: input.seq, timestamp: when },
  }
}
