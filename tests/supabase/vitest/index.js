// A stand-in for vitest, by which automerge-repo's tests of storage adapters run as tests of Node.js and are counted with the others. It
// has the four functions and the two expectations that they use; whatever else a later version of them asks for is missing, and fails.

import assert from 'node:assert/strict'
import { test } from 'node:test'

// What a block is called, and what is done before each test in it, from the outermost to the innermost.
let blocks = []
let setups = []

export function describe(name, define) {
  const outside = [blocks, setups]
  ;[blocks, setups] = [[...blocks, name], [...setups]]
  define()
  ;[blocks, setups] = outside
}

export function beforeEach(setup) {
  setups.push(setup)
}

export function it(name, check) {
  const [path, before] = [[...blocks, name], [...setups]]
  test(path.join(', '), async () => {
    const context = {}
    const teardowns = []
    try {
      for (const setup of before) teardowns.unshift(await setup(context))
      await check(context)
    } finally {
      for (const teardown of teardowns) await teardown?.()
    }
  })
}

export const expect = (actual) => ({
  toBeUndefined: () => assert.equal(actual, undefined),
  toStrictEqual: (expected) => assert.deepStrictEqual(actual, expected),
})
