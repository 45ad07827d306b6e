// Recomputes the golden vectors in this folder from their inputs. The last line is "N passed, N failed".

import { readFileSync, readdirSync } from 'node:fs'
import { eventOf } from './event.mjs'
import { Contradiction, exported, recompute, unpacked } from './export.mjs'
import { NO_BUNDLE, OPS, bundle, canonical, isFrom, operation, secretOf, token } from './forms.mjs'

/** How many things a vector file says at least: a file that lost its vectors proves nothing. */
const CHECKS = {
  'op.json': [checkOps, 20],
  'number.json': [checkNumbers, 500],
  'chain.json': [checkChain, 5],
  'export.json': [checkExport, 3],
  'token.json': [checkTokens, 5],
  'event.json': [checkEvents, 5],
}

let passed = 0
let failed = 0

/** One test: `compute` gives pairs of what is said and what is computed. */
function check(name, compute) {
  try {
    for (const [said, computed] of compute()) {
      const [a, b] = [said, computed].map((value) => (typeof value === 'string' ? value : canonical(value)))
      if (a !== b) throw new Error(`the vector says\n  ${a}\nbut computed is\n  ${b}`)
    }
    passed++
  } catch (error) {
    failed++
    console.log(`not ok ${name}\n${error instanceof SyntaxError || error instanceof TypeError ? error.stack : error.message}`)
  }
}

function* opPairs({ input, canonical: form, checksum }) {
  const computed = operation(JSON.parse(input))
  yield [form, computed.form]
  yield [checksum, computed.checksum]
}

function checkOps(file, { ops }) {
  for (const op of ops) check(`${file}: ${op.name}`, () => opPairs(op))
  check(`${file}: there is an operation of every kind`, () => {
    const kinds = new Set(ops.map((op) => JSON.parse(op.canonical).op))
    return [[[...kinds].sort(), Object.keys(OPS).sort()]]
  })
}

function checkNumbers(file, { spellings, doubles }) {
  for (const [spelling, text] of Object.entries(spellings)) {
    check(`${file}: ${spelling}`, () => [[text, canonical(JSON.parse(spelling))]])
  }
  for (const [bits, text] of Object.entries(doubles)) {
    check(`${file}: ${bits}`, () => [[text, canonical(Buffer.from(bits, 'hex').readDoubleBE())]])
  }
}

function checkChain(file, { bundles }) {
  let previous = NO_BUNDLE
  for (const vector of bundles) {
    check(`${file}: ${vector.name}`, function* () {
      for (const op of vector.ops) yield* opPairs(op)
      const checksums = vector.ops.map((op) => operation(JSON.parse(op.input)).checksum)
      const computed = bundle(previous, JSON.parse(vector.header), checksums)
      yield [vector.previous, previous]
      previous = computed.checksum
      yield [vector.canonical_header, computed.form]
      yield [vector.checksum, computed.checksum]
    })
  }
}

function checkExport(file, { input, archive, recomputed }) {
  const files = new Map(archive.map(unpacked))
  check(`${file}: what follows from the input`, function* () {
    const made = exported(input)
    yield [[...files.keys()], [...made.keys()]]
    for (const [path, { mode, bytes }] of files) {
      const text = path === 'project.json' ? canonical(JSON.parse(bytes.toString('utf8'))) : bytes.toString('latin1')
      yield [text, made.get(path).bytes.toString(path === 'project.json' ? 'utf8' : 'latin1')]
      yield [mode, made.get(path).mode]
    }
  })
  check(`${file}: what a reader recomputes`, () => [[recomputed, recompute(files)]])
  check(`${file}: a reader notices each digit of a checksum and each content that is another`, function* () {
    for (const what of ['history/bundles/000001.jsonl', 'history/operations/000001.jsonl']) {
      const digits = files.get(what).bytes.toString('latin1').matchAll(/"checksum":"/g)
      for (const { index } of digits) {
        for (let digit = 0; digit < 64; digit++) yield [true, isRefused(files, what, index + '"checksum":"'.length + digit)]
      }
    }
    for (const [path, { bytes }] of files) {
      if (path.startsWith('blobs/')) for (let at = 0; at < bytes.length; at++) yield [true, isRefused(files, path, at)]
    }
  })
}

/** Whether a reader finds a contradiction in the archive when this byte is another one. */
function isRefused(files, path, at) {
  const bytes = Buffer.from(files.get(path).bytes)
  bytes[at] = bytes[at] === 0x30 ? 0x31 : 0x30
  try {
    recompute(new Map([...files, [path, { ...files.get(path), bytes }]]))
    return false
  } catch (error) {
    if (!(error instanceof Contradiction)) throw error
    return true
  }
}

function checkTokens(file, { key, tokens, refused }) {
  check(`${file}: the secret of two halves`, () => [[key.secret, secretOf(key.kept, key.stored)]])
  for (const { name, secret, root, narrowings, steps } of tokens) {
    check(`${file}: ${name}`, function* () {
      yield [steps, token(secret, root, narrowings)]
      for (const { text } of steps) yield [true, isFrom(secret, text)]
    })
  }
  for (const { why, secret, text } of refused) {
    check(`${file}: refused, because ${why}`, () => [[false, isFrom(secret, text)]])
  }
}

function checkEvents(file, { events }) {
  for (const { name, input, ...said } of events) check(`${file}: ${name}`, () => [[said, eventOf(input)]])
}

const files = readdirSync(new URL('.', import.meta.url)).filter((file) => /^(?!package).*\.json$/.test(file))
check('the files that are here are those that are checked', () => [[files.sort(), Object.keys(CHECKS).sort()]])
for (const [file, [checkFile, fewest]] of Object.entries(CHECKS)) {
  const before = passed + failed
  try {
    checkFile(file, JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')))
  } catch (error) {
    check(file, () => { throw error })
  }
  check(`${file}: there are vectors`, () => [[true, passed + failed - before >= fewest]])
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
