// Talks to the server. Where it is, and as which role to connect, is in libpq's own variables (PGHOST, PGPORT, PGUSER, ...).

import pg from 'pg'

/** Nothing that trying again would change. */
export class GivenUp extends Error {}

export async function connect() {
  const client = new pg.Client({
    application_name: 'quire-preview', keepAlive: true, connectionTimeoutMillis: 5_000, query_timeout: 30_000,
  })
  client.on('error', () => {}) // 'end' follows, and every query fails
  await client.connect()
  return client
}

/** Ends a connection, also one that does not answer. */
export async function disconnect(client) {
  await Promise.race([client.end().catch(() => {}), new Promise((done) => setTimeout(done, 1_000))])
  client.connection.stream.destroy()
}

/** Runs `work(query, bound)` in one transaction with the rights of a token; `bound` is what authenticate says of it. */
export async function withToken(client, token, work, begin = 'BEGIN') {
  const query = async (text, values) => (await client.query(text, values)).rows
  await query(begin)
  try {
    const [{ bound }] = await query('SELECT quire.authenticate($1) AS bound', [token]).catch(refused)
    const answer = await work(query, bound)
    await query('COMMIT')
    return answer
  } catch (error) {
    if (error instanceof pg.DatabaseError) await query('ROLLBACK')
    // The token is good, but what it is for is gone, or its maker may no longer do this.
    if (error.code === 'PT404' || error.code === '42501') refused(error)
    throw error
  }
}

function refused(error) {
  if (!['22004', '42501', 'PT404', 'PT410'].includes(error.code)) throw error
  throw new GivenUp(`the token is refused: ${error.message} (${error.code}${reason(error, ', ')})`, { cause: error })
}

/** The finer reason in DETAIL, where there is one. */
function reason({ detail }, before) {
  try {
    const { reason } = JSON.parse(detail)
    return reason ? before + reason : ''
  } catch {
    return ''
  }
}
