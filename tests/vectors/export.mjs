// Exports, as their README.txt describes them: made from what a database has, and read as somebody would without quire.

import { NO_BUNDLE, bundle, canonical, hash, operation } from './forms.mjs'

const of = (base64) => Buffer.from(base64, 'base64')

/** Files, fields and assets that operations lead to. */
function replay(ops) {
  const [files, fields, assets] = [new Map(), new Map(), new Map()]
  const take = (path) => {
    const file = files.get(path)
    if (!file || !files.delete(path)) throw new Error(`there is no file ${path}`)
    return file
  }
  const key = (op) => JSON.stringify([op.entity_type, op.entity_id])
  for (const op of ops) {
    switch (op.op) {
      case 'file.put': files.set(op.file_path, [op.mode, op.content_hash]); break
      case 'file.delete': take(op.file_path); break
      case 'file.move': files.set(op.to_path, take(op.from_path)); break
      case 'field.set': fields.set(key(op), { ...fields.get(key(op)), [op.field]: op.value }); break
      case 'field.unset': delete fields.get(key(op))[op.field]; break
      case 'entity.delete': fields.delete(key(op)); break
      case 'asset.put': assets.set(op.content_hash, op); break
      case 'asset.delete': assets.delete(op.content_hash); break
      case 'snapshot.ready': break
      default: throw new Error(`no operation is called ${op.op}`)
    }
  }
  return { files, fields, assets }
}

/** What an export of a database with this has, by path: mode and bytes. project.json in canonical form. */
export function exported({ project, bundles, contents, gone, tags }) {
  const [bundleLines, opLines] = [[], []]
  let previous = NO_BUNDLE
  for (const { header, author, committed_at, details, ops } of bundles) {
    const checksums = ops.map(({ op }) => operation(op).checksum)
    ops.forEach(({ op, before, after }, n) =>
      opLines.push({ seq: header.seq, ordinal: n + 1, op, checksum: checksums[n], before, after }))
    const { checksum } = bundle(previous, header, checksums)
    bundleLines.push({ header, author, committed_at, op_count: ops.length, prev_checksum: previous, checksum, details })
    previous = checksum
  }
  const { files, fields, assets } = replay(bundles.flatMap(({ ops }) => ops.map(({ op }) => op)))
  const entities = [...fields].map(([key, fields]) => {
    const [entity_type, entity_id] = JSON.parse(key)
    return { entity_type, entity_id, fields }
  })
  const isGone = new Set(gone.map((content) => content.content_hash))
  const blobs = new Map(contents.map((content) => [hash(of(content)), of(content)]).filter(([name]) => !isGone.has(name)))

  const archive = new Map()
  const add = (path, bytes, mode = '100644') => archive.set(path, { mode, bytes: Buffer.from(bytes) })
  const addLines = (what, records) => {
    if (records.length > 0) add(`history/${what}/000001.jsonl`, records.map((record) => `${canonical(record)}\n`).join(''))
  }
  const record = { ...project, format: 'quire export', format_version: 1, seq: bundles.length, checksum: previous }
  add('project.json', canonical(record))
  addLines('bundles', bundleLines)
  addLines('operations', opLines)
  addLines('tags', tags)
  addLines('entities', entities.filter(({ fields }) => Object.keys(fields).length > 0))
  addLines('assets', [...assets.values()].map(({ op: _, ...asset }) => asset))
  addLines('gone', gone)
  for (const [path, [mode, name]] of [...files].sort()) add(`files/${path}`, blobs.get(name), mode)
  for (const [name, bytes] of [...blobs].sort()) add(`blobs/${name}`, bytes)
  return archive
}

/** A file of the archive as it is in the vector. */
export function unpacked({ path, mode, lines, text, base64 }) {
  const bytes = lines ? lines.map((line) => `${line}\n`).join('') : text ?? of(base64)
  return [path, { mode, bytes: Buffer.from(bytes) }]
}

/** The archive contradicts itself. */
export class Contradiction extends Error {}

/** What a reader of an archive recomputes; throws a Contradiction where there is one. */
export function recompute(archive) {
  const insist = (is, what) => {
    if (!is) throw new Contradiction(what)
  }
  const below = (root) => [...archive].filter(([path]) => path.startsWith(root))
  const lines = (what) => below(`history/${what}/`).flatMap(([, { bytes }]) => {
    const lines = bytes.toString('utf8').split('\n').slice(0, -1)
    return lines.map((line) => {
      insist(canonical(JSON.parse(line)) === line, `a line of ${what} is not in canonical form: ${line}`)
      return JSON.parse(line)
    })
  })
  const ops = lines('operations')
  const project = JSON.parse(archive.get('project.json').bytes.toString('utf8'))
  let previous = NO_BUNDLE
  const bundles = lines('bundles').map(({ header, op_count, prev_checksum, checksum }, n) => {
    const operations = ops.filter((line) => line.seq === header.seq).map((line, n) => {
      insist(line.ordinal === n + 1 && hash(canonical(line.op)) === line.checksum, `operation ${n + 1} of bundle ${header.seq}`)
      return line.checksum
    })
    const isWhole = header.seq === n + 1 && op_count === operations.length && prev_checksum === previous
    insist(isWhole && bundle(previous, header, operations).checksum === checksum, `bundle ${header.seq}`)
    previous = checksum
    return { seq: header.seq, operations, checksum }
  })
  insist(project.checksum === previous && project.seq === bundles.length, 'the log ends elsewhere')
  const blobs = below('blobs/').map(([path, { bytes }]) => {
    insist(path === `blobs/${hash(bytes)}`, `${path} has another hash`)
    return hash(bytes)
  })
  const files = below('files/').map(([path, { mode, bytes }]) => [path.slice('files/'.length), [mode, hash(bytes)]])
  return { bundles, blobs, files: Object.fromEntries(files) }
}
