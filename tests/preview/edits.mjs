// A person or an agent at work: single saves, deletes, moves, bulks. Every edit tells how to see on disk that it arrived.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dice } from './world.mjs'

export class Editor {
  #author
  #project
  #paths
  #roll = dice(2)
  #count = 0

  /** `paths` are those of regular text files that may be edited. */
  constructor(author, project, paths) {
    this.#author = author
    this.#project = project
    this.#paths = [...paths]
  }

  /** Makes the next edit; answers with a test whether a directory shows it. */
  async edit() {
    const number = ++this.#count
    const [kind] = [['save', 12], ['create', 2], ['bytes', 1], ['delete', 2], ['move', 2], ['bulk', 1]]
      .flatMap(([kind, share]) => Array(share).fill([kind]))[this.#roll(20)]
    return this[kind](number)
  }

  #some() {
    return this.#paths[this.#roll(this.#paths.length)]
  }

  #take() {
    return this.#paths.splice(this.#roll(this.#paths.length), 1)[0]
  }

  #text(number) {
    return `edit ${number}\n`.repeat(1 + this.#roll(number % 9 === 0 ? 20_000 : 100))
  }

  async #call(text, ...values) {
    await this.#author.rows(`SELECT ${text}`, this.#project, ...values)
  }

  async save(number, path = this.#some()) {
    const content = this.#text(number)
    await this.#call('quire.upsert_project_file($1, $2, $3)', path, content)
    return shows(path, content)
  }

  async create(number) {
    const path = `new/${number % 5}/file-${number}.txt`
    this.#paths.push(path)
    return this.save(number, path)
  }

  async bytes(number) {
    const path = `new/bytes-${number}.bin`
    const content = Buffer.from(Array.from({ length: 3000 }, () => this.#roll(256)))
    await this.#call('quire.upsert_project_file_bytes($1, $2, $3)', path, content)
    return shows(path, content)
  }

  async delete() {
    const path = this.#take()
    await this.#call('quire.delete_project_file($1, $2)', path)
    return isGone(path)
  }

  async move(number) {
    const [from, to] = [this.#take(), `moved/${number}/here.txt`]
    this.#paths.push(to)
    await this.#call('quire.move_project_file($1, $2, $3)', from, to)
    return (root) => isGone(from)(root) && existsSync(join(root, to))
  }

  /** Saves, a delete, a move, a change of mode only, a new symlink: one bundle. */
  async bulk(number) {
    const [gone, from, to, content] = [this.#take(), this.#take(), `moved/${number}/there.txt`, this.#text(number)]
    const script = `odd/run-${number % 5}.sh`
    const saved = [...new Set(Array.from({ length: 10 }, () => this.#some()))]
    this.#paths.push(to)
    await this.#call('quire.commit_bundle($1, $2)', JSON.stringify([
      { op: 'file.delete', file_path: gone },
      { op: 'file.move', from_path: from, to_path: to },
      { op: 'file.put', file_path: script, content: `#!/bin/sh\necho ${number % 5}\n`, mode: number % 2 ? '100644' : '100755' },
      { op: 'file.put', file_path: `new/link-${number}`, content: '../moved', mode: '120000' },
      ...saved.map((file_path) => ({ op: 'file.put', file_path, content })),
    ]))
    return (root) => saved.every((path) => shows(path, content)(root)) && isGone(gone)(root) && existsSync(join(root, to))
  }
}

function shows(path, content) {
  const expected = Buffer.from(content)
  return (root) => {
    try {
      return readFileSync(join(root, path)).equals(expected)
    } catch {
      return false
    }
  }
}

function isGone(path) {
  return (root) => !existsSync(join(root, path))
}
