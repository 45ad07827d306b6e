// Keeps a tree complete: a snapshot first, then every event in order, and after whatever goes wrong what was missed.
//
// The cursor is the seq of the last event applied and the checksum of the log there: after a restore a seq is given out again. What
// comes by NOTIFY makes the program poll, which misses nothing, and is not believed beyond that: whoever knows a channel's name can send
// under it, and every reader of the project does.

import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { applyChanges, applyEvent } from './apply.js'
import { GivenUp, connect, disconnect, withToken } from './server.js'
import { unpackSnapshot } from './snapshot.js'

const LEASE = 60_000
/** How often the channel is kept, and polled for what no message announced. */
const BEAT = LEASE / 3
const LONGEST_PAUSE = 5_000

export class Follower {
  #session
  #tree
  #report
  /** {seq, checksum} */
  #cursor
  /** What the next connection starts with: 'snapshot', 'plan', or null when the tree is complete up to the cursor. */
  #hydration = 'snapshot'
  #failures = 0

  /** `report(state, {seq, files, reason?})` is called at every change. */
  constructor(session, tree, report) {
    this.#session = session
    this.#tree = tree
    this.#cursor = { seq: Number(session.SEQ), checksum: session.SEQ_CHECKSUM }
    this.#report = (state, more) => report(state, { seq: this.#cursor.seq, files: tree.files.size, ...more })
  }

  /** Returns never; throws GivenUp. */
  async run() {
    this.#report('hydrating')
    for (;;) {
      let client
      try {
        client = await connect()
        await this.#follow(client)
      } catch (error) {
        this.#report('degraded', { reason: error.message })
        if (error instanceof GivenUp) throw error
      } finally {
        if (client) await disconnect(client)
      }
      const pause = Math.min(LONGEST_PAUSE, 100 * 2 ** this.#failures++)
      await sleep(pause * (0.5 + Math.random() / 2))
    }
  }

  async #follow(client) {
    const inbox = new Inbox(client)
    await client.query(`LISTEN ${client.escapeIdentifier(`realtime:project:${this.#session.PROJECT_ID}`)}`)
    await this.#hydrate(client)
    let channel = await this.#openChannel(client)
    await this.#catchUp(client)
    this.#failures = 0
    this.#report('live')
    for (let beat = Date.now() + BEAT; ; ) {
      const messages = await inbox.take(beat - Date.now())
      let mustPoll = false
      if (messages.some((message) => message.channel === channel && message.event === 'channel:closed')) {
        channel = await this.#openChannel(client, channel)
        mustPoll = true
      }
      if (Date.now() >= beat) {
        channel = await this.#keepChannel(client, channel)
        beat = Date.now() + BEAT
        mustPoll = true
      }
      const before = this.#cursor
      if (mustPoll || messages.some(({ seq }) => seq > this.#cursor.seq)) await this.#catchUp(client)
      if (this.#cursor !== before) this.#report('live')
    }
  }

  #query(client, work, begin) {
    return withToken(client, this.#session.REALTIME_TOKEN, work, begin)
  }

  async #hydrate(client) {
    if (!this.#hydration) return
    // Whatever is wrong with the snapshot, a plan does without it.
    const first = this.#hydration
    if (first === 'snapshot') {
      this.#hydration = 'plan'
      await unpackSnapshot(client, this.#session, this.#tree)
    } else {
      await this.#hydrateByPlan(client)
    }
    this.#hydration = null
  }

  /** Makes the tree complete with the least work, from whatever it is now. */
  async #hydrateByPlan(client) {
    this.#report('hydrating')
    const { PROJECT_ID } = this.#session
    await this.#tree.look()
    const have = Object.fromEntries(this.#tree.files)
    const [{ plan }] = await this.#query(client, (query) =>
      query('SELECT quire.plan_hydration($1, $2) AS plan', [PROJECT_ID, JSON.stringify(have)]))
    await applyChanges(this.#tree, { put: plan.put, remove: plan.delete }, this.#fetch(client))
    this.#cursor = { seq: plan.seq, checksum: plan.checksum }
  }

  /** Polls until nothing comes. */
  async #catchUp(client) {
    for (;;) {
      let events
      try {
        events = await this.#query(client, (query) => query(
          'SELECT seq, event, payload, checksum FROM quire.poll_events($1, $2, 200, after_checksum => $3)',
          [this.#session.PROJECT_ID, this.#cursor.seq, this.#cursor.checksum]))
      } catch (error) {
        if (error.code !== 'PT410') throw error
        // The database was set back to an older state, or the token ended just now; the plan's transaction finds out.
        this.#hydration = 'plan'
        await this.#hydrate(client)
        continue
      }
      if (events.length === 0) return
      for (const { seq, ...event } of events) await this.#apply(client, { seq: Number(seq), ...event })
    }
  }

  async #apply(client, event) {
    try {
      await applyEvent(this.#tree, event, this.#fetch(client))
      this.#cursor = { seq: event.seq, checksum: event.checksum }
    } catch (error) {
      // Part of it may be done. The same event would fail again, so the next try starts from what is on disk.
      this.#hydration = 'plan'
      throw error
    }
  }

  #fetch(client) {
    return (path, version) => this.#query(client, async (query) => {
      const text = 'SELECT quire.read_project_file_bytes($1, $2, $3) AS bytes'
      return (await query(text, [this.#session.PROJECT_ID, path, version]))[0].bytes
    })
  }

  /** Listens to the private channel and returns its name; null from a server that has none or does not let us. */
  async #openChannel(client, old) {
    const [{ may }] = (await client.query(
      `SELECT has_function_privilege(to_regprocedure('quire.open_channel(uuid, interval)'), 'EXECUTE') AS may`)).rows
    if (!may) return null
    return this.#query(client, async (query) => {
      const [{ name }] = await query('SELECT quire.open_channel($1, $2) AS name', [this.#session.PROJECT_ID, `${LEASE} ms`])
      if (old && old !== name) await aboutChannel(query, 'UNLISTEN', old)
      await aboutChannel(query, 'LISTEN', name)
      return name
    })
  }

  async #keepChannel(client, channel) {
    if (!channel) return null
    try {
      await this.#query(client, (query) => query(
        'SELECT quire.keep_channel($1, $2, $3)', [this.#session.PROJECT_ID, channel, `${LEASE} ms`]))
      return channel
    } catch (error) {
      if (error.code !== 'PT410') throw error
      return this.#openChannel(client, channel)
    }
  }
}

/**
 * LISTEN or UNLISTEN to a name that nobody else is to know. It takes no parameters, and the text of a statement is shown to
 * everybody who logs in as the same role, which other containers may.
 */
async function aboutChannel(query, word, name) {
  await query(`SELECT set_config('quire_preview.channel', $1, true)`, [name])
  await query(`DO $$BEGIN EXECUTE format('${word} %I', current_setting('quire_preview.channel')); END$$`)
}

/** What came by NOTIFY and was not looked at yet. */
class Inbox {
  #messages = []
  #error
  #wake = () => {}

  constructor(client) {
    client.on('notification', ({ channel, payload }) => {
      this.#messages.push({ ...parsed(payload), channel })
      this.#wake()
    })
    client.on('error', (error) => this.#fail(error))
    client.on('end', () => this.#fail(new Error('the connection was closed')))
  }

  #fail(error) {
    this.#error ??= error
    this.#wake()
  }

  /** Waits for messages, or until the time is over; throws when there will be none. */
  async take(milliseconds) {
    if (this.#messages.length === 0 && !this.#error) {
      const waiting = new AbortController()
      this.#wake = () => waiting.abort()
      await sleep(Math.max(0, milliseconds), null, { signal: waiting.signal }).catch(() => {})
      // A transaction's messages arrive together.
      await setImmediate()
    }
    if (this.#error) throw this.#error
    return this.#messages.splice(0)
  }
}

/** Other programs may send anything on a public channel. */
function parsed(payload) {
  try {
    return Object(JSON.parse(payload))
  } catch {
    return {}
  }
}
