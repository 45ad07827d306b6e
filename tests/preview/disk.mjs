// Directories as they are on disk. Node.js has a recursive readdir, but its releases differ in whether that follows symlinks to
// directories, so the tests walk by themselves.

import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { blake3 } from 'hash-wasm'

/** Everything below a directory, as {path, entry}; a symlink is an entry like a file, and is not followed. Directories may be skipped. */
export function* walk(directory, skip = () => false) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory() && skip(entry.name)) continue
    yield { path: entry.name, entry }
    if (!entry.isDirectory()) continue
    for (const { path, entry: below } of walk(join(directory, entry.name), skip)) yield { path: join(entry.name, path), entry: below }
  }
}

/** The paths of everything below a directory, in order. */
export const pathsBelow = (directory) => [...walk(directory)].map(({ path }) => path).sort()

/** The files and symlinks below a directory: path -> mode and hash. */
export async function onDisk(directory) {
  const found = {}
  for (const { path, entry } of [...walk(directory)]) {
    if (entry.isDirectory()) continue
    const there = join(directory, path)
    const isLink = entry.isSymbolicLink()
    const mode = isLink ? '120000' : { 0o644: '100644', 0o755: '100755' }[lstatSync(there).mode & 0o777]
    found[path] = `${mode} ${await blake3(isLink ? readlinkSync(there, { encoding: 'buffer' }) : readFileSync(there))}`
  }
  return found
}

export function emptyDirectory(path) {
  if (existsSync(path)) rmSync(path, { recursive: true })
  return path
}
