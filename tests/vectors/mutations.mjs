// A reader of an export notices whatever is another than it was: each byte of a content, each value of a line, each line and each
// file that is missing or there once more. What only the database knew is told apart, by name.

import { changed, leaves, refuses } from './claims.mjs'
import { recompute } from './export.mjs'
import { NO_BUNDLE, bundle, canonical, hash, operation } from './forms.mjs'

/** What nothing else in the archive tells. */
const ONLY_SAID = {
  'project.json': ['created_at', 'created_by', 'kind', 'name', 'settings.max_files', 'status', 'visibility'],
  bundles: ['author', 'details', 'details.anything.0', 'details.anything.1', 'details.op.content_hash', 'details.op.file_count',
    'details.op.format', 'details.op.op', 'details.op.seq', 'details.op.size', 'details.op.snapshot_id', 'details.op_checksum'],
  // Of the newest version of each path.
  versions: ['id'],
  tags: ['author', 'created_at', 'created_by', 'seq', 'tag'],
  gone: ['is_binary', 'state', 'when', 'why'],
}

/** Another value of the same type; of nothing, something. */
function another(value) {
  if (typeof value === 'number') return Math.abs(value) < 2 ** 51 ? value + 1 : -value
  if (typeof value === 'boolean') return !value
  return value === null ? 'something' : `${value.startsWith('0') ? '1' : '0'}${value.slice(1)}`
}

const textOf = (records) => Buffer.from(records.map((record) => `${canonical(record)}\n`).join(''))
const recordsOf = ({ bytes }) => bytes.toString('utf8').trimEnd().split('\n').map((line) => JSON.parse(line))

export function checkMutations(check, file, files, bundles) {
  const is = (path, bytes, mode = files.get(path)?.mode ?? '100644') => new Map([...files, [path, { mode, bytes }]])
  const isRefused = (archive) => refuses(() => recompute(archive))
  const without = (path) => new Map([...files].filter(([other]) => other !== path))

  check(`${file}: a reader notices each byte of a content and each mode that is another`, function* () {
    for (const [path, { mode, bytes }] of files) {
      if (!/^(blobs|files)\//.test(path)) continue
      for (let at = 0; at < bytes.length; at++) {
        const other = Buffer.from(bytes)
        other[at] ^= 1
        yield [path, isRefused(is(path, other)) && path]
      }
      yield [path, isRefused(is(path, Buffer.concat([bytes, Buffer.from('x')]))) && path]
      for (const other of ['100644', '100755', '120000']) {
        if (other !== mode) yield [path, isRefused(is(path, bytes, other)) && path]
      }
    }
  })

  check(`${file}: a reader notices each file that is missing, and one more`, function* () {
    for (const path of files.keys()) {
      if (path !== 'project.json' && !path.startsWith('history/tags/')) yield [path, isRefused(without(path)) && path]
      if (path.startsWith('files/')) {
        const { mode, bytes } = files.get(path)
        yield [path, isRefused(new Map([...without(path), [`${path}2`, { mode, bytes }]])) && path]
      }
    }
    const more = Buffer.from('one more')
    for (const path of ['files/more', `blobs/${hash(more)}`]) yield [path, isRefused(is(path, more)) && path]
  })

  const records = [...files].filter(([path]) => path.startsWith('history/')).map(([path, packed]) => [path, recordsOf(packed)])
  for (const [path, lines] of [['project.json', [JSON.parse(files.get('project.json').bytes)]], ...records]) {
    const what = path.split('/')[1] ?? path
    check(`${file}: a reader notices each value of ${what} that is another, but for what nothing else tells`, () => {
      const accepted = new Set()
      lines.forEach((line, n) => {
        for (const [way, value] of leaves(line)) {
          const bytes = textOf(changed(lines, [n, ...way], another(value)))
          if (!isRefused(is(path, bytes))) accepted.add(way.join('.'))
        }
      })
      return [[ONLY_SAID[what] ?? [], [...accepted].sort()]]
    })
    if (what === 'tags' || what === 'project.json') continue
    check(`${file}: a reader notices each line of ${what} that is missing or there twice`, function* () {
      for (let n = 0; n < lines.length; n++) {
        yield [n, isRefused(is(path, textOf(lines.toSpliced(n, 1)))) && n]
        yield [n, isRefused(is(path, textOf(lines.toSpliced(n, 0, lines[n])))) && n]
      }
    })
  }

  check(`${file}: a reader notices a tag of a bundle that is not there`, () => {
    const path = 'history/tags/000001.jsonl'
    return [[true, isRefused(is(path, textOf([{ ...recordsOf(files.get(path))[0], seq: bundles.length + 1 }])))]]
  })

  check(`${file}: a reader notices each entity and asset that has one more field, or is one more`, function* () {
    const [entities, assets] = ['entities', 'assets'].map((what) => `history/${what}/000001.jsonl`)
    const [[entity], [asset]] = [entities, assets].map((path) => recordsOf(files.get(path)))
    const more = { ...entity, fields: { ...entity.fields, more: null } }
    yield [true, isRefused(is(entities, textOf([more])))]
    yield [true, isRefused(is(entities, textOf([{ ...entity, fields: {} }])))]
    yield [true, isRefused(is(entities, textOf([entity, { ...entity, entity_id: 'more' }])))]
    yield [true, isRefused(is(assets, textOf([asset, { ...asset, content_hash: hash('more') }])))]
  })

  check(`${file}: a reader notices each operation that is another, though every checksum fits`, function* () {
    for (const [n, { ops }] of bundles.entries()) {
      for (const [m, op] of ops.entries()) {
        for (const [way, value] of leaves(op)) {
          if (way[0] === 'op') continue
          const ways = [n, 'ops', m, ...way]
          yield [ways, isRefused(sealed(files, changed(bundles, ways, another(value)))) && ways]
        }
      }
    }
  })
}

/** The archive with a log of these bundles: everything else stays. */
function sealed(files, bundles) {
  const [bundlesPath, opsPath] = ['bundles', 'operations'].map((what) => `history/${what}/000001.jsonl`)
  const [bundleLines, opLines] = [bundlesPath, opsPath].map((path) => recordsOf(files.get(path)))
  let previous = NO_BUNDLE
  let at = 0
  bundles.forEach(({ header, ops }, n) => {
    const checksums = ops.map((op) => operation(op).checksum)
    ops.forEach((op, m) => Object.assign(opLines[at + m], { op, checksum: checksums[m] }))
    at += ops.length
    const { checksum } = bundle(previous, header, checksums)
    Object.assign(bundleLines[n], { prev_checksum: previous, checksum })
    previous = checksum
  })
  const project = { ...JSON.parse(files.get('project.json').bytes), checksum: previous }
  const line = (lines) => ({ mode: '100644', bytes: textOf(lines) })
  return new Map([...files, ['project.json', line([project])], [bundlesPath, line(bundleLines)], [opsPath, line(opLines)]])
}
