// The first way to a complete tree: one archive, unpacked as it is read, every file checked against the manifest.

import yauzl from 'yauzl'
import { GivenUp, withToken } from './server.js'
import { Refused } from './tree.js'

const WORKERS = 8
const DOWNLOAD_TIMEOUT = 600_000

/** Downloads the session's snapshot and unpacks it. */
export async function unpackSnapshot(client, { PROJECT_ID, SNAPSHOT_URL, REALTIME_TOKEN }, tree) {
  const manifest = await withToken(client, REALTIME_TOKEN, async (query, { abilities }) => {
    const ability = abilities.find((ability) => ability.startsWith('snapshot:read:'))
    if (!ability) throw new GivenUp('REALTIME_TOKEN is for no snapshot: it is not one of begin_session')
    const id = ability.slice('snapshot:read:'.length)
    const [{ manifest }] = await query('SELECT quire.get_snapshot_manifest($1, $2) AS manifest', [PROJECT_ID, id])
    return manifest
  })
  if (manifest.format !== 'zip') {
    throw new GivenUp(`the snapshot is a ${manifest.format}, and this program unpacks zip only: start the session with format => 'zip'`)
  }
  await unpack(await download(client, SNAPSHOT_URL), manifest.manifest, tree)
}

/** The archive, in memory; what is in it is unpacked piece by piece. */
async function download(client, url) {
  if (/^https?:/.test(url)) {
    const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT) })
    if (!response.ok) throw new Error(`the snapshot cannot be downloaded: ${response.status} ${await response.text()}`)
    return Buffer.from(await response.arrayBuffer())
  }
  // quire.public_url is not set: the token in the URL is worth the same here.
  const token = new URL(url, 'http://relative').searchParams.get('token')
  const text = 'SELECT quire.download_snapshot($1) AS bytes'
  const { rows } = await client.query({ text, values: [token], query_timeout: DOWNLOAD_TIMEOUT })
  return rows[0].bytes
}

/** Unpacks exactly what the manifest lists. */
export async function unpack(archive, manifest, tree) {
  const expected = new Map(manifest.map((file) => [file.file_path, file]))
  const zip = await yauzl.fromBufferPromise(archive, { lazyEntries: true })
  const work = []
  for await (const entry of zip.eachEntry()) {
    const file = expected.get(entry.fileName)
    if (!file || file.size !== entry.uncompressedSize) {
      throw new Refused(`${entry.fileName} in the archive is not what the manifest lists`)
    }
    expected.delete(entry.fileName)
    work.push([file, entry])
  }
  if (expected.size > 0) throw new Refused(`${expected.keys().next().value} is missing in the archive`)
  const worker = async () => {
    for (let next = work.pop(); next; next = work.pop()) {
      const [file, entry] = next
      await tree.put(file, await zip.openReadStreamPromise(entry))
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: WORKERS }, () => worker().finally(() => (work.length = 0))))
  for (const { reason } of ends) if (reason) throw reason
}
