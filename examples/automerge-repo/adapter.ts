// Keeps the documents of an automerge-repo in a project of quire, where SQL reads, queries, edits and branches them.

import type { Chunk, StorageAdapterInterface, StorageKey } from '@automerge/automerge-repo/slim'

/** Calls a function of quire by the names of its arguments; gives back its value, or its rows if it has several columns. */
export type Rpc = (name: string, args: Record<string, unknown>) => Promise<unknown>

export class QuireStorageAdapter implements StorageAdapterInterface {
  readonly #rpc: Rpc
  readonly #project: string

  constructor(rpc: Rpc, projectUuid: string) {
    this.#rpc = rpc
    this.#project = projectUuid
  }

  async load(key: StorageKey): Promise<Uint8Array | undefined> {
    const data = await this.#call('storage_load', { key })
    return data === null ? undefined : toBytes(data)
  }

  async save(key: StorageKey, data: Uint8Array): Promise<void> {
    await this.#call('storage_save', { key, data: toHex(data) })
  }

  async remove(key: StorageKey): Promise<void> {
    await this.#call('storage_remove', { key })
  }

  async loadRange(keyPrefix: StorageKey): Promise<Chunk[]> {
    const rows = await this.#call('storage_load_range', { key_prefix: keyPrefix })
    return (rows as { key: StorageKey; data: unknown }[]).map(({ key, data }) => ({ key, data: toBytes(data) }))
  }

  async removeRange(keyPrefix: StorageKey): Promise<void> {
    await this.#call('storage_remove_range', { key_prefix: keyPrefix })
  }

  #call(name: string, args: Record<string, unknown>): Promise<unknown> {
    return this.#rpc(name, { project_uuid: this.#project, ...args })
  }
}

/** What of a client of @supabase/supabase-js is needed; its schema is quire: `createClient(url, key, { db: { schema: 'quire' } })`. */
type SupabaseClient = {
  rpc(name: string, args: Record<string, unknown>): PromiseLike<{ data: unknown; error: { message: string } | null }>
}

/** Over HTTP, by supabase-js and PostgREST. */
export function supabaseRpc(client: SupabaseClient): Rpc {
  return async (name, args) => {
    const { data, error } = await client.rpc(name, args)
    if (error) throw Object.assign(new Error(`${name}: ${error.message}`), { cause: error })
    return data
  }
}

/** What of a client or a pool of pg is needed. */
type PgClient = {
  query(text: string, values: unknown[]): Promise<{ rows: Record<string, unknown>[]; fields: { name: string }[] }>
}

/** Over a connection to PostgreSQL, by pg. */
export function pgRpc(client: PgClient): Rpc {
  return async (name, args) => {
    const given = Object.keys(args).map((argument, at) => `${argument} => $${at + 1}`)
    const { rows, fields } = await client.query(`SELECT * FROM quire.${name}(${given.join(', ')})`, Object.values(args))
    return fields.length === 1 ? rows[0][fields[0].name] : rows
  }
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Bytes as PostgreSQL reads them in a text and PostgREST in JSON. */
function toHex(bytes: Uint8Array): string {
  const digits = new Array<string>(bytes.length)
  for (let at = 0; at < bytes.length; at++) digits[at] = HEX[bytes[at]]
  return `\\x${digits.join('')}`
}

/** Bytes as they come: a Buffer from pg, hexadecimal digits from PostgREST. */
function toBytes(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return new Uint8Array(data)
  if (typeof data !== 'string' || !data.startsWith('\\x')) throw new TypeError('these are no bytes of PostgreSQL')
  const bytes = new Uint8Array(data.length / 2 - 1)
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(data.slice(2 * at + 2, 2 * at + 4), 16)
  return bytes
}
