// The forms that quire hashes, as README.txt of an export, docs/architecture.md and crates/quire-core/src/token describe them. Nothing
// here is quire's: JSON and its numbers are JavaScript's, BLAKE3 is @noble/hashes.

import { blake3 } from '@noble/hashes/blake3.js'

const utf8 = (text) => Buffer.from(text, 'utf8')
export const hex = (bytes) => Buffer.from(bytes).toString('hex')
export const unhex = (text) => Buffer.from(text, 'hex')

/** BLAKE3 of texts and bytes, one after the other. */
export const hash = (...parts) => hex(blake3(join(parts)))

const join = (parts) => Buffer.concat(parts.map((part) => (typeof part === 'string' ? utf8(part) : part)))

/** RFC 8785. Members are sorted by UTF-16 code units, as JavaScript sorts texts. */
export function canonical(value) {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  const members = Object.keys(value).sort()
  return `{${members.map((member) => `${JSON.stringify(member)}:${canonical(value[member])}`).join(',')}}`
}

/** Members of each kind of operation; those with a ? are left out where there is nothing. */
export const OPS = {
  'file.put': ['content_hash', 'file_path', 'file_type', 'mode', 'size'],
  'file.delete': ['file_path'],
  'file.move': ['from_path', 'to_path'],
  'field.set': ['entity_id', 'entity_type', 'field', 'value'],
  'field.unset': ['entity_id', 'entity_type', 'field'],
  'entity.delete': ['entity_id', 'entity_type'],
  'asset.put': ['asset_type', 'content_hash', 'filename', 'media_type', 'size'],
  'asset.delete': ['content_hash', 'reason?'],
  'doc.change': ['branch', 'changes', 'doc'],
  'doc.delete': ['branch', 'doc', 'heads'],
  'branch.create': ['at_seq', 'branch', 'from_branch'],
  'branch.update': ['branch', 'merged_into?', 'status'],
  'snapshot.ready': ['content_hash', 'file_count', 'format', 'seq', 'since_seq?', 'size', 'snapshot_id'],
}

const HEADER = ['actor_id', 'base_seq', 'bundle_id', 'committed_at', 'correlation_id', 'kind', 'message', 'project_id', 'seq',
  'undoes_seq?']
const ROOT = ['abilities', 'audience?', 'expires_at', 'key', 'max_uses?', 'project', 'token']
const NARROWING = ['abilities', 'expires_at']

/** These members of an object and no others; null where there is nothing, unless the member may be left out. */
function pick(object, members) {
  const names = members.map((member) => member.replace('?', ''))
  const unknown = Object.keys(object).find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Error(`no form has a member ${unknown}`)
  const picked = members.flatMap((member, n) => {
    const value = object[names[n]] ?? null
    return value === null && member.endsWith('?') ? [] : [[names[n], value]]
  })
  return Object.fromEntries(picked)
}

/** The form of an operation, and its checksum. */
export function operation(given) {
  if (!Object.hasOwn(OPS, given.op)) throw new Error(`no operation is called ${given.op}`)
  const op = pick(given, ['op', ...OPS[given.op]])
  for (const path of ['file_path', 'from_path', 'to_path']) {
    if (path in op) op[path] = op[path].normalize('NFC')
  }
  const form = canonical(op)
  return { form, checksum: hash(form) }
}

export const NO_BUNDLE = '0'.repeat(64)

/** The form of a bundle's header, and the checksum of the bundle. */
export function bundle(previous, header, opChecksums) {
  const form = canonical(pick(header, HEADER))
  return { form, checksum: hash(unhex(previous), form, ...opChecksums.map(unhex)) }
}

const keyed = (key, ...parts) => Buffer.from(blake3(join(parts), { key }))

/** The secret that two halves make. */
export const secretOf = (kept, stored) => hex(keyed(unhex(kept), 'quire1.key:', unhex(stored)))

const firstTag = (secret, block) =>
  keyed(blake3(unhex(secret), { context: utf8('quire 2026 capability token v1') }), 'quire1.root:', block)
const nextTag = (tag, block) => keyed(tag, 'quire1.narrowing:', block)

function block(given, members) {
  const abilities = [...new Set(given.abilities)].sort((a, b) => Buffer.compare(utf8(a), utf8(b)))
  return canonical(pick({ ...given, abilities }, members))
}

function text(blocks, tag) {
  const lengths = blocks.map((block) => {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(utf8(block).length)
    return length
  })
  return `quire1.${join([...blocks.flatMap((block, n) => [lengths[n], block]), tag]).toString('base64url')}`
}

/** Block, tag and text of a token, and of each of its narrowings. */
export function token(secret, root, narrowings) {
  const blocks = [block(root, ROOT)]
  let tag = firstTag(secret, blocks[0])
  const steps = [{ block: blocks[0], tag: hex(tag), text: text(blocks, tag) }]
  for (const narrowing of narrowings) {
    blocks.push(block(narrowing, NARROWING))
    tag = nextTag(tag, blocks.at(-1))
    steps.push({ block: blocks.at(-1), tag: hex(tag), text: text(blocks, tag) })
  }
  return steps
}

function taken(text) {
  const bytes = Buffer.from(text.replace('quire1.', ''), 'base64url')
  const blocks = []
  for (let at = 0; at < bytes.length - 32; at += 2 + blocks.at(-1).length) {
    blocks.push(bytes.subarray(at + 2, at + 2 + bytes.readUInt16BE(at)))
  }
  return { blocks, tag: bytes.subarray(-32) }
}

/** The blocks of a text. */
export const blocksOf = (text) => taken(text).blocks.map((block) => block.toString('utf8'))

/** Whether the tag of a text is that of its blocks. */
export function isFrom(secret, text) {
  const { blocks, tag } = taken(text)
  return blocks.slice(1).reduce(nextTag, firstTag(secret, blocks[0])).equals(tag)
}
