//! The names of the private channel: under which a bundle is sent now, and how they end.

use super::notify;
use super::store::channel as store;
pub use super::store::channel::sweep;
use crate::db;
use crate::db::clock::now;
use crate::ids::ProjectId;
use quire_core::error::Result;
use quire_core::event::CHANNEL_CLOSED;

/// Ends the channel's names and notifies who listens. Somebody who got one may no longer know the next.
pub fn close(project: ProjectId) -> Result<()> {
    store::close(project)?.iter().for_each(|name| notify::send(name, CHANNEL_CLOSED));
    Ok(())
}

/// The names under which a bundle is sent now, for its writer. Nothing is sent under a name that somebody knows who may not know it
/// any more, but that it is closed, once. A writer only adds that: who manages the project would wait for anything else.
pub fn names(project: ProjectId) -> Result<Vec<String>> {
    let now = now();
    let mut open = Vec::new();
    // Who has lost the right to know a name is asked of what is committed now, whatever the transaction sees.
    let channels = match db::sees_older_state() {
        true => db::latest(|| store::channels(project, None))?,
        false => store::channels(project, None)?,
    };
    for channel in channels {
        if !channel.is_stale && channel.leased_until > now {
            open.push(channel.name);
        } else if channel.is_stale && !channel.is_ended {
            store::end(project, &channel)?;
            notify::send(&channel.name, CHANNEL_CLOSED);
        }
    }
    Ok(open)
}
