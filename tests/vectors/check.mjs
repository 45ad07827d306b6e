// Recomputes the golden vectors in this folder from their inputs. The last line is "N passed, N failed".

import { readFileSync, readdirSync } from 'node:fs'
import { checkClaims, unnoticed } from './claims.mjs'
import { eventOf, inputOf, opsOf } from './event.mjs'
import { exported, recompute, unpacked } from './export.mjs'
import { NO_BUNDLE, OPS, blocksOf, bundle, canonical, hash, isFrom, operation, secretOf, token } from './forms.mjs'
import { checkMutations } from './mutations.mjs'
import { Log } from './replay.mjs'

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
  for (const op of ops) {
    check(`${file}: ${op.name}`, function* () {
      yield* opPairs(op)
      yield [op.name.split(' ')[0], JSON.parse(op.canonical).op]
    })
  }
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
  checkMutations(check, file, files, input.bundles)
}

function checkTokens(file, { key, tokens, refused }) {
  check(`${file}: the secret of two halves`, () => [[key.secret, secretOf(key.kept, key.stored)]])
  for (const { name, secret, root, narrowings, steps } of tokens) {
    check(`${file}: ${name}`, function* () {
      yield [steps, token(secret, root, narrowings)]
      for (const { text } of steps) yield [true, isFrom(secret, text)]
      for (const block of blocksOf(steps.at(-1).text)) yield [block, canonical(JSON.parse(block))]
      const times = [root, ...narrowings].map((block) => block.expires_at)
      yield [times, [...times].sort((a, b) => b - a)]
    })
  }
  for (const { why, secret, text } of refused) {
    check(`${file}: refused, because ${why}`, function* () {
      yield [false, isFrom(secret, text)]
      // Nothing else is wrong with it.
      for (const block of blocksOf(text)) yield [block, canonical(JSON.parse(block))]
    })
  }
}

function checkEvents(file, { events, contents }) {
  const log = new Log()
  const bytes = new Map(contents.map((content) => Buffer.from(content, 'base64')).map((bytes) => [hash(bytes), bytes]))
  for (const { name, bundle, input, ...said } of events) {
    check(`${file}: ${name}`, () => {
      const told = log.bundle(bundle.header, opsOf(bundle))
      return [[input, inputOf(bundle, told, bytes, input)], [said, eventOf(input)]]
    })
  }
}

const files = readdirSync(new URL('.', import.meta.url)).filter((file) => /^(?!package).*\.json$/.test(file))
check('the files that are here are those that are checked', () => [[files.sort(), Object.keys(CHECKS).sort()]])
const sizes = new Map()
for (const [file, [checkFile, fewest]] of Object.entries(CHECKS)) {
  const before = passed + failed
  try {
    const vector = JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'))
    checkFile(file, vector)
    check(`${file}: hashes, sizes, contents and logs are what they are said to be`, () => checkClaims(vector, sizes) ?? [])
    check(`${file}: another hash and another size are noticed, wherever`, () => [[[], [...unnoticed(vector)]]])
  } catch (error) {
    check(file, () => { throw error })
  }
  check(`${file}: there are vectors`, () => [[true, passed + failed - before >= fewest]])
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
