// What the tests of a file start ends when they are over, also when one failed, or a hook, or the time was over. Otherwise Node.js
// would wait for it: for a listening server, a child process, a connection.

import { spawn } from 'node:child_process'
import { after } from 'node:test'

const PATIENCE = 5_000
const endings = []
const children = new Set()

/** Has `end` called when the tests of this file are over; what was started last is ended first. */
export const atEnd = (end) => endings.unshift(end)

/** spawn, for a child process that does not outlive this one. */
export function spawnChild(...of) {
  const child = spawn(...of)
  children.add(child)
  return child.once('close', () => children.delete(child))
}

after(async () => {
  // Only what keeps the process alive lets this happen. Reporters are done by then; the results are in what they wrote.
  setTimeout(() => {
    console.error(`not ended by the tests: ${process.getActiveResourcesInfo().join(', ')}`)
    process.exit()
  }, PATIENCE).unref()
  const failures = []
  for (const end of endings) await Promise.resolve().then(end).catch((error) => failures.push(error))
  if (failures.length > 0) throw failures[0]
})

process.once('SIGTERM', () => process.exit(143))
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')))
