// docs/guide/http.md as somebody follows it: every block of JavaScript, one after the other.

import * as Automerge from '@automerge/automerge'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { user } from './client.mjs'

const page = readFileSync(new URL('../../docs/guide/http.md', import.meta.url), 'utf8')

/** The blocks that run, each with the line of the page on which it begins. `js error` expects a refusal, `js ignore` does not run. */
function blocks() {
  const found = []
  for (const { 1: kind, 2: text, index } of page.matchAll(/^```js( error| ignore)?\n(.*?)^```$/gms)) {
    if (kind !== ' ignore') found.push({ text, fails: kind === ' error', line: page.slice(0, index).split('\n').length })
  }
  return found
}

/** One program: each line that shows something is compared with what the page says that it shows. */
function program() {
  let shown = 0
  const text = blocks().map(({ text, fails, line }) => {
    const compared = text.replace(/^console\.log\((.*)\) \/\/ (.*)$/gm, (_, what, expected) => {
      shown += 1
      return `assert.deepEqual(JSON.parse(JSON.stringify(${what})), ${expected}, "${'docs/guide/http.md'} after line ${line}")`
    })
    assert.doesNotMatch(compared, /console\.log/, 'what is shown is said')
    return `may_fail = ${fails}\n${compared}`
  })
  return { text: text.join('\n'), shown }
}

/** The client of the page: a refusal that the page does not mean ends the test. */
function careful(client, mayFail) {
  return {
    rpc: async (name, args) => {
      called.add(name)
      const answer = await client.rpc(name, args)
      assert.equal(answer.error !== null, mayFail(), `${name}: ${JSON.stringify(answer.error)}`)
      return answer
    },
  }
}

const called = new Set()

test('every line of docs/guide/http.md does what it says', async () => {
  const { text, shown } = program()
  assert.ok(shown >= 15, `${shown} lines show something`)
  const AsyncFunction = (async () => {}).constructor
  const run = new AsyncFunction('client', 'careful', 'Automerge', 'assert', `
    let may_fail = false
    const quire = careful(client, () => may_fail)
    ${text}`)
  await run(user(randomUUID()), careful, Automerge, assert)
})

test('every call in its table is one that is made, or one that needs no example', () => {
  const without = ['read_doc_bytes', 'poll_events', 'sync_doc', 'delete_project']
  const table = page.split('\n').filter((line) => line.startsWith('|')).slice(2)
  const named = new Set(table.flatMap((line) => [...line.split('|')[3].matchAll(/`(\w+)`/g)].map(([, name]) => name)))
  assert.ok(named.size > 15)
  assert.deepEqual([...named].filter((name) => !called.has(name)).sort(), [...without].sort())
})
