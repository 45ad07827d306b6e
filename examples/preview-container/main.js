#!/usr/bin/env node
// Keeps a directory equal to a quire project: main.js [DIRECTORY]. See README.md.

import { Follower } from './follow.js'
import { GivenUp } from './server.js'
import { Refused, Tree } from './tree.js'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const FORMS = {
  PROJECT_ID: UUID, SESSION_ID: UUID, SNAPSHOT_URL: /./, REALTIME_TOKEN: /./, SEQ: /^\d+$/, SEQ_CHECKSUM: /^[0-9a-f]{16,64}$/,
}

function end(message, status) {
  process.stderr.write(`quire-preview: ${message}\n`)
  process.exit(status)
}

for (const [name, form] of Object.entries(FORMS)) {
  if (!form.test(process.env[name] ?? '')) end(`${name} is not set or not as quire.begin_session returns it`, 2)
}
if (process.argv.length > 3) end('at most one argument: the directory', 2)
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(0))

/** Milliseconds since the line before, and for the first since the program started. */
let last = 0
function report(state, more) {
  const now = performance.now()
  process.stdout.write(`${JSON.stringify({ state, ...more, ms: Math.round(now - last) })}\n`)
  last = now
}

try {
  const session = Object.fromEntries(Object.keys(FORMS).map((name) => [name, process.env[name]]))
  const tree = Tree.make(process.argv[2] ?? '.')
  await new Follower(session, tree, report).run()
} catch (error) {
  if (!(error instanceof GivenUp || error instanceof Refused)) throw error
  end(`session ${process.env.SESSION_ID}: ${error.message}`, 1)
}
