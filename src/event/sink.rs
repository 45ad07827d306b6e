//! Supabase Realtime: each event goes to the private topic `project:<uuid>` by way of `realtime.send`, with
//! the rights of `quire_sink`. A failure is recorded and fails no write.

use super::load::Event;
use super::store;
use crate::ids::ProjectId;
use quire_core::error::Result;
use quire_core::event::message;

/// Sends an event.
pub fn send(project: ProjectId, event: &Event) -> Result<()> {
    let topic = format!("project:{project}");
    let message = message(event.seq, &event.mark, event.committed_at, &event.payload);
    match store::send_to_supabase(&topic, event.name, message)? {
        None => Ok(()),
        Some(error) => store::record_sink_failure(project, event.seq, &error),
    }
}
