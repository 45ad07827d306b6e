// Applies events. Doing it twice is the same as doing it once: what is there already is not written again.

import { Refused, checkPath } from './tree.js'

/** The changes of an event: none of an event that changes no file or that is not known. */
function changes(event, payload) {
  switch (event) {
    case 'file:update':
      return [{ ...payload, action: 'update' }]
    case 'file:delete':
      return [{ ...payload, action: 'delete' }]
    case 'bulk:apply':
      return payload.files ?? []
    default:
      return []
  }
}

/** The content of a file as an event or a plan has it; `fetch(path, version)` gets what was too large to travel. */
async function bytes(file, fetch) {
  if (file.content_omitted) return fetch(file.file_path, file.version)
  if (typeof file.content_base64 === 'string') return Buffer.from(file.content_base64, 'base64')
  if (typeof file.content === 'string') return Buffer.from(file.content)
  throw new Refused(`${file.file_path} comes without its content`)
}

/** Makes a tree what an event says, and returns how many files changed. */
export async function applyEvent(tree, { event, payload }, fetch) {
  const all = changes(event, payload)
  const unknown = all.find(({ action }) => action !== 'update' && action !== 'delete')
  if (unknown) throw new Refused(`unknown action ${unknown.action}`)
  return applyChanges(tree, {
    put: all.filter(({ action }) => action === 'update'),
    remove: all.filter(({ action }) => action === 'delete').map(({ file_path }) => file_path),
  }, fetch)
}

/** Deletes come first: a file may have become a directory, or the other way round. */
export async function applyChanges(tree, { put, remove }, fetch) {
  for (const path of [...remove, ...put.map(({ file_path }) => file_path)]) checkPath(path)
  const missing = put.filter((file) => !tree.has(file))
  for (const path of remove) tree.delete(path)
  for (const file of missing) await tree.put(file, [await bytes(file, fetch)])
  return remove.length + missing.length
}
