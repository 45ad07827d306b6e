// Clients of the tests: supabase-js as its documentation has it set up, for each kind of user.

import { createHmac } from 'node:crypto'
import assert from 'node:assert/strict'
import { createClient } from '@supabase/supabase-js'
import pg from 'pg'
import ws from 'ws'

export const url = process.env.QUIRE_SUPABASE_URL

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

export function sign(claims, { secret = process.env.PGRST_JWT_SECRET, alg = 'HS256' } = {}) {
  const text = `${encode({ alg, typ: 'JWT' })}.${encode(claims)}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

const inAnHour = () => Math.floor(Date.now() / 1000) + 3600

// API keys have no sub; the access token of a user has the claims that Supabase Auth puts in.
const anonKey = sign({ iss: 'supabase', role: 'anon', exp: inAnHour() })
const serviceKey = sign({ iss: 'supabase', role: 'service_role', exp: inAnHour() })
export const accessToken = (sub) => sign({ aud: 'authenticated', role: 'authenticated', sub, exp: inAnHour() })

// Node 20 has no WebSocket of its own; nothing here opens one.
const connect = (key, options) =>
  createClient(url, key, {
    db: { schema: 'quire' },
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    realtime: { transport: ws },
    ...options,
  })

export const anon = (headers = {}) => connect(anonKey, { global: { headers } })
export const service = () => connect(serviceKey)
export const withToken = (token, headers = {}) =>
  connect(anonKey, { global: { headers }, accessToken: async () => token })
export const user = (sub, headers) => withToken(accessToken(sub), headers)

// Runs statements as the superuser of the cluster.
export async function asAdmin(sql) {
  const admin = new pg.Client()
  await admin.connect()
  try {
    await admin.query(sql)
  } finally {
    await admin.end()
  }
}

// What a request answers; it must not fail.
export async function data(request) {
  const { data, error, status } = await request
  assert.equal(error, null, `HTTP ${status}: ${JSON.stringify(error)}`)
  return data
}

// The refusal of a request, as "status code", with what else there is to say.
export async function refusal(request) {
  const { data, error, status } = await request
  assert.notEqual(error, null, `expected a refusal, got ${JSON.stringify(data)}`)
  return { ...error, message: error.message, what: `${status} ${error.code}` }
}
