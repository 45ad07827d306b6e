// A stand-in for PostgREST: the part of its documented behaviour that supabase-js needs to call functions and to read
// views. It is no PostgREST; README.md says what is missing, and stand-in.test.mjs names the documentation it follows.
//
// Settings have PostgREST's names: PGRST_DB_SCHEMAS, PGRST_DB_ANON_ROLE, PGRST_JWT_SECRET; the database comes from the
// PG* variables. Prints its address in one line and then serves below /rest/v1, as Supabase's gateway does.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import pg from 'pg'

const schemas = (process.env.PGRST_DB_SCHEMAS ?? 'public').split(',')
const anonRole = process.env.PGRST_DB_ANON_ROLE ?? 'anon'
const secret = process.env.PGRST_JWT_SECRET ?? ''

// One connection: whatever a request leaves behind, the next one meets.
const pool = new pg.Pool({ max: 1 })
pool.on('error', (error) => console.error(`stand-in: ${error.message}`))

const id = pg.escapeIdentifier

class Refusal extends Error {
  constructor(status, code, message, { details = null, hint = null, headers = {} } = {}) {
    super(message)
    Object.assign(this, { status, code, details, hint, headers })
  }
}

// Who asks ------------------------------------------------------------------------------------------------------------

function invalidToken(code, message) {
  const challenge = `Bearer error="invalid_token", error_description="${message}"`
  return new Refusal(401, code, message, { headers: { 'WWW-Authenticate': challenge } })
}

// The claims of a request; without a token, those of the anonymous role.
function claimsOf(header) {
  const token = /^bearer\s*(.*)$/i.exec(header ?? '')
  if (!token) return { role: anonRole }
  const claims = verified(token[1])
  const skew = 30
  const now = Date.now() / 1000
  for (const name of ['exp', 'nbf', 'iat']) {
    if (claims[name] != null && typeof claims[name] !== 'number') {
      throw invalidToken('PGRST303', `The JWT '${name}' claim must be a number`)
    }
  }
  if (claims.exp != null && claims.exp < now - skew) throw invalidToken('PGRST303', 'JWT expired')
  if (claims.nbf != null && claims.nbf > now + skew) throw invalidToken('PGRST303', 'JWT not yet valid')
  if (claims.iat != null && claims.iat > now + skew) throw invalidToken('PGRST303', 'JWT issued at future')
  return { ...claims, role: claims.role ?? anonRole }
}

function verified(token) {
  const parts = token.split('.')
  if (parts.length !== 3) throw invalidToken('PGRST301', `Expected 3 parts in JWT; got ${parts.length}`)
  const expected = createHmac('sha256', secret).update(`${parts[0]}.${parts[1]}`).digest()
  const got = Buffer.from(parts[2], 'base64url')
  if (parsed(parts[0])?.alg !== 'HS256' || got.length !== expected.length || !timingSafeEqual(got, expected)) {
    throw invalidToken('PGRST301', 'No suitable key or wrong key type')
  }
  const claims = parsed(parts[1])
  if (claims === null || typeof claims !== 'object' || Array.isArray(claims)) {
    throw invalidToken('PGRST303', 'Parsing claims failed')
  }
  return claims
}

function parsed(part) {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString())
  } catch {
    return null
  }
}

// What is asked -------------------------------------------------------------------------------------------------------

function schemaOf(request) {
  const reads = request.method === 'GET' || request.method === 'HEAD'
  const schema = request.headers[reads ? 'accept-profile' : 'content-profile'] ?? schemas[0]
  if (!schemas.includes(schema)) {
    throw new Refusal(406, 'PGRST106', `The schema must be one of the following: ${schemas.join(', ')}`)
  }
  return schema
}

// How to answer: { raw: its media type }, { singular } or plain JSON. A media type domain is the handler of its type.
function formatOf(accept, handler) {
  const accepted = (accept ?? '*/*').split(',').map((type) => type.split(';')[0].trim())
  for (const type of accepted) {
    if (handler === '*/*') return { raw: 'application/octet-stream' }
    if (handler === type) return { raw: type }
    if (['*/*', 'application/json', 'application/vnd.pgrst.array+json'].includes(type)) return {}
    if (type === 'application/vnd.pgrst.object+json') return { singular: true }
  }
  throw new Refusal(415, 'PGRST107', `None of these media types are available: ${accepted.join(', ')}`)
}

const FUNCTIONS = `
  SELECT p.provolatile <> 'v' AS reads, p.proretset AS is_set, p.prorettype = 'void'::regtype AS is_void,
    r.typtype = 'c' OR p.prorettype = 'record'::regtype OR coalesce(p.proargmodes && '{t,b,o}', false) AS is_rows,
    CASE WHEN r.typtype = 'd' AND r.typname ~ '/' THEN r.typname END AS handler, r.typbasetype = 'bytea'::regtype AS is_bytes,
    coalesce((SELECT json_agg(json_build_object('name', p.proargnames[n], 'type', format_type(p.proargtypes[n - 1], NULL),
        'required', n <= p.pronargs - p.pronargdefaults, 'variadic', n = p.pronargs AND p.provariadic <> 0) ORDER BY n)
      FROM generate_series(1, p.pronargs) n), '[]') AS args
  FROM pg_proc p JOIN pg_type r ON r.oid = p.prorettype
  WHERE p.pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND p.proname = $2 AND p.prokind = 'f'`

// By name and names of arguments, as the schema cache of PostgREST is asked; here the catalog is asked each time.
async function findFunction(client, schema, name, given) {
  const fits = ({ args }) =>
    given.every((key) => args.some((arg) => arg.name === key)) &&
    args.every((arg) => !arg.required || given.includes(arg.name))
  const found = (await prepared(client, FUNCTIONS, [schema, name])).rows.filter(fits)
  if (found.length === 1) return found[0]
  if (found.length > 1) {
    throw new Refusal(300, 'PGRST203', 'Could not choose the best candidate function')
  }
  const list = given.length ? `(${given.join(', ')})` : ' without parameters'
  throw new Refusal(404, 'PGRST202', `Could not find the function ${schema}.${name}${list} in the schema cache`)
}

async function planCall(client, request, schema, name, query, body) {
  if (!['GET', 'HEAD', 'POST'].includes(request.method)) {
    throw new Refusal(405, 'PGRST101', `Cannot use the ${request.method} method on RPC`)
  }
  const posted = request.method === 'POST' ? bodyObject(body) : null
  const select = query.get('select')
  query.delete('select')
  const given = posted ? Object.keys(posted) : [...new Set(query.keys())]
  const found = await findFunction(client, schema, name, given)
  const passed = found.args.filter((arg) => given.includes(arg.name))
  const values = posted ? (passed.length ? [body] : []) : passed.map((arg) => queryValue(query.getAll(arg.name), arg))
  const value = (arg, n) => (posted ? `(SELECT ${id(arg.name)} FROM args)` : `$${n + 1}::${arg.type}`)
  const args = passed.map((arg, n) => `${arg.variadic ? 'VARIADIC ' : ''}${id(arg.name)} := ${value(arg, n)}`)
  const columns = passed.map((arg) => `${id(arg.name)} ${arg.type}`)
  const call = `${id(schema)}.${id(name)}(${args.join(', ')})`
  const format = formatOf(request.headers.accept, found.handler)
  const from = found.is_rows ? `SELECT ${columnList(select)} FROM ${call} t` : `SELECT ${call} AS s`
  const prefix = posted && passed.length ? `WITH args AS (SELECT * FROM json_to_record($1) AS _(${columns.join(', ')})) ` : ''
  return {
    ...format, values, readOnly: !posted || found.reads, isVoid: found.is_void,
    sql: prefix + wrap(from, found, format),
  }
}

function wrap(from, { is_set, is_rows, is_void, is_bytes }, { raw, singular }) {
  if (is_void) return from
  if (raw) return `SELECT s${is_bytes ? '' : '::text'} AS body FROM (${from}) t`
  const rows = `json_agg(${is_rows ? 't' : 't.s'})`
  const body = is_set && !singular ? `coalesce(${rows}, '[]')` : `coalesce(${rows} -> 0, 'null')`
  return `SELECT ${body}::text AS body, count(*)::int AS found FROM (${from}) t`
}

function bodyObject(body) {
  let posted
  try {
    posted = JSON.parse(body.length ? body : '{}')
  } catch {
    throw new Refusal(400, 'PGRST102', 'Empty or invalid json')
  }
  if (posted === null || typeof posted !== 'object' || Array.isArray(posted)) {
    throw new Refusal(400, 'PGRST102', 'The arguments are not a JSON object')
  }
  return posted
}

// A repeated parameter is an array for a variadic argument.
const queryValue = (values, { variadic }) => (variadic ? values : values[values.length - 1])

function planRead(request, schema, name, query) {
  if (!['GET', 'HEAD'].includes(request.method)) {
    throw new Refusal(405, 'PGRST117', `The stand-in does not know ${request.method} on views`)
  }
  const select = query.get('select')
  query.delete('select')
  const values = []
  const conditions = [...query].map(([column, filter]) => {
    if (!filter.startsWith('eq.')) throw new Refusal(400, 'PGRST100', `The stand-in does not know the filter ${filter}`)
    return `${id(column)} = $${values.push(filter.slice(3))}`
  })
  const where = conditions.length ? ` WHERE ${conditions.join(' AND ')}` : ''
  const from = `SELECT ${columnList(select)} FROM ${id(schema)}.${id(name)}${where}`
  const format = formatOf(request.headers.accept, null)
  return { ...format, values, readOnly: true, sql: wrap(from, { is_set: true, is_rows: true }, format) }
}

const columnList = (select) =>
  (select || '*').split(',').map((column) => (column === '*' ? '*' : id(column))).join(', ')

// The transaction -----------------------------------------------------------------------------------------------------

// PostgREST prepares its statements.
const prepared = (client, text, values) =>
  client.query({ name: createHash('sha256').update(text).digest('base64url'), text, values })

const SETTINGS = `SELECT set_config('search_path', $1, true), set_config('role', $2, true),
  set_config('request.jwt.claims', $3, true), set_config('request.method', $4, true),
  set_config('request.path', $5, true), set_config('request.headers', $6, true)`

const RESPONSE = `SELECT nullif(current_setting('response.headers', true), '') AS headers,
  nullif(current_setting('response.status', true), '') AS status`

async function transact(client, request, path, schema, claims, plan) {
  await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED ${plan.readOnly ? 'READ ONLY' : 'READ WRITE'}`)
  try {
    const { cookie, ...headers } = request.headers
    await prepared(client, SETTINGS, [`${id(schema)}, public`, claims.role, JSON.stringify(claims), request.method,
      path, JSON.stringify(headers)])
    const [row] = (await prepared(client, plan.sql, plan.values)).rows
    if (plan.singular && !plan.isVoid && row.found !== 1) {
      const details = `The result contains ${row.found} rows`
      throw new Refusal(406, 'PGRST116', 'Cannot coerce the result to a single JSON object', { details })
    }
    const response = responseOf(plan, row, (await client.query(RESPONSE)).rows[0])
    await client.query('COMMIT')
    return response
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

function responseOf(plan, row, { headers, status }) {
  const own = plan.isVoid ? {}
    : plan.raw ? { 'Content-Type': plan.raw }
    : { 'Content-Type': `application/${plan.singular ? 'vnd.pgrst.object+' : ''}json; charset=utf-8` }
  const body = plan.isVoid ? '' : row.body ?? ''
  return { status: statusOf(status) ?? (plan.isVoid ? 204 : 200), headers: mergeHeaders(own, headers), body }
}

function statusOf(status) {
  if (status === null) return null
  if (!/^[1-9]\d*$/.test(status)) throw new Refusal(500, 'PGRST112', 'response.status guc must be a valid status code')
  return Number(status)
}

// response.headers is an array of objects with one member each; a name may come again.
function mergeHeaders(own, text) {
  const merged = new Map(Object.entries(own).map(([name, value]) => [name.toLowerCase(), [value]]))
  for (const name of new Set(headerList(text).map(([name]) => name.toLowerCase()))) {
    merged.set(name, headerList(text).filter(([other]) => other.toLowerCase() === name).map(([, value]) => value))
  }
  return Object.fromEntries(merged)
}

function headerList(text) {
  try {
    return JSON.parse(text ?? '[]').map((header) => {
      const [[name, value], ...more] = Object.entries(header)
      if (more.length || typeof value !== 'string') throw new Error()
      return [name, value]
    })
  } catch {
    throw new Refusal(500, 'PGRST111', 'response.headers guc must be a JSON array composed of objects with a single key')
  }
}

// Errors --------------------------------------------------------------------------------------------------------------

// The table of PostgREST's page on errors, first match first.
const STATUS = [['08', 503], ['09', 500], ['0L', 403], ['0P', 403], ['23503', 409], ['23505', 409], ['25006', 405],
  ['25', 500], ['28', 403], ['2D', 500], ['38', 500], ['39', 500], ['3B', 500], ['40', 500], ['53400', 500], ['53', 503],
  ['54', 500], ['55', 500], ['57', 500], ['58', 500], ['F0', 500], ['HV', 500], ['P0001', 400], ['P0', 500], ['XX', 500],
  ['42883', 404], ['42P01', 404], ['42P17', 500]]

function databaseStatus(code, isAuthenticated) {
  const own = /^PT(\d{3})$/.exec(code)
  if (own) return Number(own[1])
  if (code === '42501') return isAuthenticated ? 403 : 401
  return STATUS.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 400
}

function errorResponse(error, claims) {
  const isDatabase = error instanceof pg.DatabaseError
  if (!isDatabase && !(error instanceof Refusal)) console.error(error)
  const { code, message, hint } = error
  const status = isDatabase ? databaseStatus(code, claims && claims.role !== anonRole) : error.status ?? 500
  const details = (isDatabase ? error.detail : error.details) ?? null
  const challenge = isDatabase && status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}
  return {
    status, headers: { 'Content-Type': 'application/json; charset=utf-8', ...challenge, ...error.headers },
    body: JSON.stringify({ code: code ?? 'PGRSTX00', details, hint: hint ?? null, message }),
  }
}

// The server ----------------------------------------------------------------------------------------------------------

async function answer(request, body) {
  let claims
  try {
    claims = claimsOf(request.headers.authorization)
    const schema = schemaOf(request)
    const url = new URL(request.url, 'http://localhost')
    const [, path, rpc, name] = /^\/rest\/v1(\/(rpc\/)?([^/]+))$/.exec(decodeURIComponent(url.pathname)) ?? []
    if (!path) throw new Refusal(404, 'PGRST125', 'Invalid path specified in request URL')
    const client = await pool.connect()
    try {
      const plan = rpc ? await planCall(client, request, schema, name, url.searchParams, body)
        : planRead(request, schema, name, url.searchParams)
      return await transact(client, request, path, schema, claims, plan)
    } finally {
      client.release()
    }
  } catch (error) {
    return errorResponse(error, claims)
  }
}

const server = createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const { status, headers, body } = await answer(request, Buffer.concat(chunks).toString())
  response.writeHead(status, headers).end(body)
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
