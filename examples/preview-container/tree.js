// A directory that is kept equal to a project's files, and nothing outside it: every path and every symlink is checked by
// the rules the server has, and no file is written below something that is not a real directory. (What runs in the
// container at the same time can still exchange a directory for a symlink between the check and the write.) A file is
// written under another name, hashed on the way, and renamed only when its hash is right.

import { randomUUID } from 'node:crypto'
// The short calls are synchronous: for many small files, waiting for each in turn takes longer than the calls do.
import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { createBLAKE3 } from 'hash-wasm'

const SYMLINK = '120000'
const PERMISSIONS = { 100644: 0o644, 100755: 0o755 }

/** What was to be written breaks a rule or has another hash; nothing of it is in the tree. */
export class Refused extends Error {}

/** The path, if it is relative and stays inside. */
export function checkPath(path) {
  const isBad = typeof path !== 'string' || path === '' || Buffer.byteLength(path) > 1024 ||
    /[\\\p{Cc}]/u.test(path) || !path.isWellFormed() ||
    path.split('/').some((name) => ['', '.', '..'].includes(name) || Buffer.byteLength(name) > 255)
  if (isBad) throw new Refused(`unsafe path ${JSON.stringify(path)}`)
  return path
}

/** The target of a symlink at a path, if it is relative and leads nowhere outside: `..` only at its beginning. */
export function checkTarget(path, target) {
  const names = target.split('/')
  const firstDown = names.findIndex((name) => name !== '..')
  const ups = firstDown < 0 ? names.length : firstDown
  const isBad = target === '' || target.startsWith('/') || /[\\\0]/.test(target) ||
    ups > path.split('/').length - 1 || names.slice(ups).includes('..')
  if (isBad) throw new Refused(`unsafe symlink ${path} -> ${JSON.stringify(target)}`)
  return target
}

/** What `call` returns, or undefined when it fails with a code. */
function unless(code, call) {
  try {
    return call()
  } catch (error) {
    if (error.code !== code) throw error
  }
}

export class Tree {
  /** What is in the directory as far as this program put it there: path -> {content_hash, mode}. */
  files = new Map()
  #root
  #hashers = []

  /** Takes a directory that is empty or does not exist, so that nobody's files are overwritten or deleted. */
  static make(directory) {
    fs.mkdirSync(directory, { recursive: true })
    if (fs.readdirSync(directory).length > 0) throw new Refused(`${directory} is not empty`)
    const tree = new Tree()
    tree.#root = fs.realpathSync(directory)
    return tree
  }

  /** Whether a file is there already. */
  has({ file_path, content_hash, mode }) {
    const have = this.files.get(file_path)
    return have !== undefined && have.content_hash === content_hash && have.mode === mode
  }

  /** Writes a file from pieces of its content. */
  async put({ file_path, content_hash, mode }, pieces) {
    checkPath(file_path)
    if (mode !== SYMLINK && !Object.hasOwn(PERMISSIONS, mode)) throw new Refused(`${file_path} has the unknown mode ${mode}`)
    const there = this.#parents(file_path, true)
    const temporary = join(this.#root, `.quire-${randomUUID()}`)
    try {
      const write = mode === SYMLINK ? writeSymlink : writeFile
      const found = await this.#hashing((hasher) => write({ temporary, file_path, mode }, pieces, hasher))
      if (found !== content_hash) throw new Refused(`${file_path} has the hash ${found}, not ${content_hash}`)
      fs.renameSync(temporary, there)
    } catch (error) {
      unless('ENOENT', () => fs.unlinkSync(temporary))
      throw error
    }
    this.files.set(file_path, { content_hash, mode })
  }

  /** Deletes a file, and the directories that are empty then. */
  delete(path) {
    checkPath(path)
    const there = this.#parents(path, false)
    if (there) unless('ENOENT', () => fs.unlinkSync(there))
    this.files.delete(path)
    for (let above = dirname(path); there && above !== '.'; above = dirname(above)) {
      if (!unless('ENOTEMPTY', () => (fs.rmdirSync(join(this.#root, above)), true))) break
    }
  }

  /** Looks at the disk again, for what others did to the files. */
  async look() {
    for (const path of [...this.files.keys()]) {
      const found = await this.#lookAt(path).catch(() => null)
      if (found) this.files.set(path, found)
      else this.files.delete(path)
    }
  }

  async #lookAt(path) {
    const there = this.#parents(path, false)
    const status = fs.lstatSync(there)
    // Opening a FIFO would wait for somebody who writes into it.
    if (!status.isFile() && !status.isSymbolicLink()) return null
    const link = status.isSymbolicLink() && fs.readlinkSync(there, { encoding: 'buffer' })
    const content_hash = await this.#hashing(async (hasher) => {
      for await (const piece of link ? [link] : fs.createReadStream(there)) hasher.update(piece)
    })
    return { content_hash, mode: link ? SYMLINK : status.mode & 0o100 ? '100755' : '100644' }
  }

  /** Where a path is on disk. Its directories are made, or else must be there for an answer. */
  #parents(path, make) {
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
      const directory = join(this.#root, path.slice(0, at))
      let status = unless('ENOENT', () => fs.lstatSync(directory))
      if (!status && !make) return null
      if (!status) {
        unless('EEXIST', () => fs.mkdirSync(directory))
        status = fs.lstatSync(directory)
      }
      if (!status.isDirectory()) throw new Refused(`${path} is below ${path.slice(0, at)}, which is no directory`)
    }
    return join(this.#root, path)
  }

  /** The hash of what `work` feeds to a hasher that nobody else uses meanwhile. */
  async #hashing(work) {
    const hasher = this.#hashers.pop() ?? (await createBLAKE3())
    try {
      await work(hasher.init())
      return hasher.digest('hex')
    } finally {
      this.#hashers.push(hasher)
    }
  }
}

async function writeFile({ temporary, mode }, pieces, hasher) {
  const file = fs.openSync(temporary, 'wx')
  try {
    for await (const piece of pieces) {
      hasher.update(piece)
      fs.writeFileSync(file, piece)
    }
    fs.fchmodSync(file, PERMISSIONS[mode])
  } finally {
    fs.closeSync(file)
  }
}

async function writeSymlink({ temporary, file_path }, pieces, hasher) {
  const parts = []
  for await (const piece of pieces) parts.push(piece)
  const target = Buffer.concat(parts)
  hasher.update(target)
  fs.symlinkSync(checkTarget(file_path, target.toString()), temporary)
}
