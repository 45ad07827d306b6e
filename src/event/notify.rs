//! NOTIFY: a wake-up, never the truth.
//!
//! Channel `realtime:project:<uuid>` is for everybody, the private one (see `event::channel`) for who may read. A hint goes out at most once per transaction and project, with the seq of the
//! first bundle; a reader who polls from its own cursor then gets everything the transaction committed. A save never
//! fails because of NOTIFY: when the server's queue is nearly full, nothing is sent.

use super::{channel, load, sink};
use crate::gate::Access;
use crate::ids::ProjectId;
use crate::log::LockedHead;
use pgrx::prelude::*;
use pgrx::{direct_function_call, pg_sys};
use quire_core::error::Result;
use quire_core::event::{broadcast, hint};
use quire_core::settings::{Broadcast, RealtimeSink};
use quire_core::timestamp::Micros;
use std::cell::{Cell, RefCell};

/// Share of the notification queue above which nothing is sent.
const QUEUE_ALMOST_FULL: f64 = 0.9;
/// How often one backend looks at the queue, in microseconds; looking takes a lock.
const LOOK_EVERY: Micros = 1_000_000;

thread_local! {
    /// Projects hinted in this transaction, each with the (sub)transaction that did it.
    static HINTED: RefCell<Vec<(ProjectId, pg_sys::TransactionId)>> = const { RefCell::new(Vec::new()) };
    static LOOKED_AT_QUEUE: Cell<(Micros, bool)> = const { Cell::new((0, false)) };
}

/// Tells listeners about a bundle: on the public channel as the project's setting says, and in full on the private one.
pub fn bundle(access: &Access, head: &LockedHead, event_name: &str) -> Result<()> {
    let (project, seq, at) = (access.project, head.seq, head.committed_at);
    let private = if head.has_channel { channel::names(project)? } else { Vec::new() };
    let public = access.settings.broadcast;
    let is_hint = public == Broadcast::Hint && first_in_transaction(project);
    let is_full = public == Broadcast::Full;
    let to_supabase = access.settings.realtime_sink == RealtimeSink::Supabase;
    let has_room = (is_hint || is_full || !private.is_empty()) && queue_has_room(at);
    if is_hint && has_room {
        send(&public_channel(project), &hint(event_name, seq, at));
    }
    let whole_to: Vec<String> =
        is_full.then(|| public_channel(project)).into_iter().chain(private).filter(|_| has_room).collect();
    if whole_to.is_empty() && !to_supabase {
        return Ok(());
    }
    let event = load::of_bundle(project, seq)?;
    let whole = broadcast(event.name, seq, &event.mark, at, &event.payload);
    whole_to.iter().for_each(|channel| send(channel, &whole));
    if to_supabase {
        sink::send(project, &event)?;
    }
    Ok(())
}

/// Where anybody can listen.
fn public_channel(project: ProjectId) -> String {
    format!("realtime:project:{project}")
}

/// Whether this transaction has not hinted at the project yet. A hint sent in a savepoint that was rolled back is gone,
/// and its transaction id is then no longer one of ours.
fn first_in_transaction(project: ProjectId) -> bool {
    HINTED.with_borrow_mut(|hinted| {
        // SAFETY: plain tests of ids against the current transaction's state.
        hinted.retain(|(_, xid)| unsafe { pg_sys::TransactionIdIsCurrentTransactionId(*xid) });
        if hinted.iter().any(|(known, _)| *known == project) {
            return false;
        }
        // SAFETY: a writer has a transaction id already.
        hinted.push((project, unsafe { pg_sys::GetCurrentTransactionId() }));
        true
    })
}

fn queue_has_room(now: Micros) -> bool {
    let (looked_at, had_room) = LOOKED_AT_QUEUE.get();
    if (0..LOOK_EVERY).contains(&(now - looked_at)) {
        return had_room;
    }
    // SAFETY: a function without arguments that returns a float8.
    let usage = unsafe { direct_function_call::<f64>(pg_sys::pg_notification_queue_usage, &[]) };
    let has_room = usage.is_none_or(|usage| usage < QUEUE_ALMOST_FULL);
    LOOKED_AT_QUEUE.set((now, has_room));
    has_room
}

/// Sends a message when the transaction commits.
pub fn send(channel: &str, payload: &str) {
    // SAFETY: pg_notify takes two texts; the channel is shorter than 64 bytes and the payload than 8,000.
    unsafe { direct_function_call::<()>(pg_sys::pg_notify, &[channel.into_datum(), payload.into_datum()]) };
}
