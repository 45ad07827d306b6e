// What operations lead to, as README.txt of an export and docs/architecture.md tell it: files with their versions, fields of
// entities, assets; and what each operation found and left.

import { NO_BUNDLE, bundle, canonical, operation } from './forms.mjs'

/** What is said of something contradicts something else. */
export class Contradiction extends Error {}

export function insist(is, what) {
  if (!is) throw new Contradiction(what)
}

const PLACES = { file: 1, field: 2, entity: 2, asset: 3, snapshot: 4 }
const without = (object, ...members) =>
  Object.fromEntries(Object.entries(object).filter(([member]) => !members.includes(member)))
const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** A log, which takes one bundle after the other. */
export class Log {
  files = new Map()
  versions = new Map()
  entities = new Map()
  assets = new Map()
  previous = NO_BUNDLE
  headers = []
  ids = new Set()
  /** What there is after each bundle; first nothing. */
  states = [this.state()]

  /** Checksums of a bundle, and of each operation what it found and left and which versions it made. */
  bundle(header, ops) {
    this.check(header, ops)
    const done = ops.map((op) => {
      insist(Object.hasOwn(DOES, op.op), `no operation is called ${op.op}`)
      return { op, checksum: checksumOf(op), before: null, after: null, rows: [], lost: [], ...this.apply(op) }
    })
    const previous = this.previous
    this.previous = bundle(previous, header, done.map(({ checksum }) => checksum)).checksum
    this.headers.push(header)
    this.states.push(this.state())
    return { previous, checksum: this.previous, ops: done }
  }

  check(header, ops) {
    const { seq, project_id, committed_at, base_seq, undoes_seq = null, bundle_id, correlation_id } = header
    const before = this.headers.at(-1)
    insist(seq === this.headers.length + 1, `bundle ${seq} comes after bundle ${this.headers.length}`)
    insist(!before || before.project_id === project_id, `bundle ${seq} is of another project`)
    insist(!before || before.committed_at < committed_at, `bundle ${seq} is older than the one before`)
    insist(base_seq === null || (base_seq >= 0 && base_seq < seq), `bundle ${seq} is made on what was not there`)
    insist(undoes_seq === null || (undoes_seq > 0 && undoes_seq < seq), `bundle ${seq} takes back what was not there`)
    for (const id of [bundle_id, correlation_id].filter((id) => id !== null)) {
      insist(!this.ids.has(id), `${id} is used twice`)
      this.ids.add(id)
    }
    const places = ops.map(({ op }) => PLACES[String(op).split('.')[0]])
    insist(places.every((place, n) => n === 0 || place >= places[n - 1]), `the operations of bundle ${seq} stand in another order`)
  }

  state() {
    return { files: new Map(this.files), entities: this.entityRecords(), assets: this.assetRecords() }
  }

  apply(op) {
    return DOES[op.op].call(this, op)
  }

  advance(file_path, file, is_deleted) {
    const version = (this.versions.get(file_path) ?? 0) + 1
    this.versions.set(file_path, version)
    return { file_path, version, file, is_deleted, moved: null }
  }

  take(path) {
    const file = this.files.get(path)
    insist(file, `there is no file ${path}`)
    this.files.delete(path)
    return file
  }

  /** A file before an operation. */
  known(path) {
    const file = this.files.get(path)
    return file ? { ...without(file, 'size'), version: this.versions.get(path) } : null
  }

  fieldsOf({ entity_type, entity_id }) {
    const key = JSON.stringify([entity_type, entity_id])
    if (!this.entities.has(key)) this.entities.set(key, new Map())
    return this.entities.get(key)
  }

  takeAsset(hash) {
    const asset = this.assets.get(hash)
    insist(asset, `there is no asset ${hash}`)
    this.assets.delete(hash)
    return asset
  }

  /** Current files as an export tells of them. */
  fileRecords() {
    const records = [...this.files].map(([path, file]) => [path, { ...file, version: this.versions.get(path) }])
    return Object.fromEntries(records)
  }

  entityRecords() {
    const live = [...this.entities].filter(([, fields]) => fields.size > 0)
    const records = live.map(([key, fields]) => {
      const [entity_type, entity_id] = JSON.parse(key)
      return { entity_type, entity_id, fields: Object.fromEntries(fields) }
    })
    return records.sort((a, b) => byBytes(a.entity_type, b.entity_type) || byBytes(a.entity_id, b.entity_id))
  }

  assetRecords() {
    return [...this.assets.values()].sort((a, b) => byBytes(a.content_hash, b.content_hash))
  }
}

const valueOf = (fields, field) => (fields.has(field) ? { value: fields.get(field) } : null)

/** What each kind of operation does to a log. */
const DOES = {
  'file.put'(op) {
    const [path, file, before] = [op.file_path, without(op, 'op', 'file_path'), this.known(op.file_path)]
    this.files.set(path, file)
    const row = this.advance(path, file, false)
    return { before, after: { ...file, version: row.version }, rows: [row] }
  },
  'file.delete'({ file_path }) {
    const before = this.known(file_path)
    return { before, rows: [this.advance(file_path, this.take(file_path), true)] }
  },
  'file.move'({ from_path, to_path }) {
    const [file, version] = [this.take(from_path), this.versions.get(from_path)]
    insist(!this.files.has(to_path), `there is a file ${to_path}`)
    this.files.set(to_path, file)
    const [gone, there] = [this.advance(from_path, file, true), this.advance(to_path, file, false)]
    gone.moved = [to_path, there.version]
    there.moved = [from_path, version]
    const before = { file_path: from_path, version, content_hash: file.content_hash }
    return { before, after: { ...file, version: there.version }, rows: [gone, there] }
  },
  'field.set'(op) {
    const fields = this.fieldsOf(op)
    const before = valueOf(fields, op.field)
    fields.set(op.field, op.value)
    return { before, after: { value: op.value } }
  },
  'field.unset'(op) {
    const fields = this.fieldsOf(op)
    const before = valueOf(fields, op.field)
    fields.delete(op.field)
    return { before }
  },
  'entity.delete'(op) {
    const fields = this.fieldsOf(op)
    insist(fields.size > 0, `there is no entity ${op.entity_type} ${op.entity_id}`)
    const before = Object.fromEntries(fields)
    fields.clear()
    return { before, lost: Object.keys(before).sort(byBytes) }
  },
  'asset.put'(op) {
    const before = this.assets.get(op.content_hash)
    this.assets.set(op.content_hash, without(op, 'op'))
    return { before: before ? without(before, 'content_hash') : null, after: without(op, 'op') }
  },
  'asset.delete'({ content_hash, reason = null }) {
    return { before: without(this.takeAsset(content_hash), 'content_hash'), after: { is_deleted: true, reason } }
  },
  'snapshot.ready'(op) {
    const packed = packedFiles(this, op)
    insist(op.file_count === packed.size, `the snapshot of ${op.seq} has another number of files`)
    return { after: op }
  },
}

/** The files of a snapshot by path; of a delta, those that are others than they were. */
export function packedFiles(log, { seq, since_seq = null }) {
  insist(seq >= 0 && seq <= log.headers.length, `a snapshot of ${seq}, which is not there`)
  insist(since_seq === null || (since_seq >= 0 && since_seq < seq), `a snapshot since ${since_seq}`)
  const before = since_seq === null ? new Map() : log.states[since_seq].files
  const same = (a, b) => a !== undefined && canonical(a) === canonical(b)
  return new Map([...log.states[seq].files].filter(([path, file]) => !same(before.get(path), file)))
}

/** Whether two states are the same. */
export function isSameState(...states) {
  const [a, b] = states.map(({ files, ...more }) => canonical({ files: Object.fromEntries(files), ...more }))
  return a === b
}

const checksums = new WeakMap()

/** As `operation`, remembered: of the same operation it is asked often. */
function checksumOf(op) {
  if (!checksums.has(op)) {
    try {
      checksums.set(op, operation(op).checksum)
    } catch (error) {
      throw new Contradiction(error.message)
    }
  }
  return checksums.get(op)
}
