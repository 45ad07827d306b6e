// The files of a zip archive (APPNOTE.TXT of PKWARE), as far as quire's small ones need it.

import zlib from 'node:zlib'

// Not in every Node.js.
const { crc32, inflateRawSync } = zlib

/** Path, and mode and bytes, of each file, as the directory at the end lists them. */
export function unzip(zip) {
  const end = zip.length - 22
  if (zip.readUInt32LE(end) !== 0x06054b50) throw new Error('no zip ends here')
  const files = new Map()
  for (let n = 0, at = zip.readUInt32LE(end + 16); n < zip.readUInt16LE(end + 10); n++) {
    const [packed, nameLength, extra] = [zip.readUInt32LE(at + 20), zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30)]
    const local = zip.readUInt32LE(at + 42)
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
    const stored = zip.subarray(start, start + packed)
    const bytes = zip.readUInt16LE(at + 10) === 0 ? stored : inflateRawSync(stored)
    if (crc32 && crc32(bytes) !== zip.readUInt32LE(at + 16)) throw new Error('a file has another CRC-32')
    const mode = (zip.readUInt32LE(at + 38) >>> 16).toString(8).replace(/^120.*/, '120000')
    files.set(zip.toString('utf8', at + 46, at + 46 + nameLength), { mode, bytes })
    at += 46 + nameLength + extra + zip.readUInt16LE(at + 32)
  }
  return files
}
