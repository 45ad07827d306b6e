//! Events, subscriptions and private channels.

use crate::call::{calls, options, rows};
use quire_core::id::{ActorId, ProjectId};
use serde_json::Value;
use std::time::{Duration, SystemTime};

options! {
    /// Optional arguments of [`create_subscription`](crate::Quire::create_subscription).
    SubscribeOptions<'a> {
        /// An object of globs and names of events. A member that is absent lets everything through. In globs \* and ?
        /// stay inside a segment, and \*\* crosses segments.
        filter: &'a Value,
        /// The cursor to begin with; 0 is the beginning.
        after_seq: i64,
        /// The checksum that went with after_seq, as for `poll_events`.
        after_checksum: &'a str,
    }

    /// Optional arguments of [`poll_events`](crate::Quire::poll_events).
    PollOptions<'a> {
        /// The cursor; 0 is the beginning.
        after_seq: i64,
        /// The most rows, 1 to 1000. A page with more than 32 MiB of content ends earlier.
        max_events: i32,
        /// False leaves contents out.
        with_content: bool,
        /// The checksum that went with after_seq, 16 to 64 hex digits. The log there must be the one that the caller
        /// knows.
        after_checksum: &'a str,
    }

    /// Optional arguments of [`poll_subscription`](crate::Quire::poll_subscription).
    PollSubscriptionOptions<'a> {
        /// The most rows, 1 to 1000.
        max_events: i32,
        /// How long the events are leased, 0 seconds to 1 day.
        lease: Duration,
        /// The event that the caller has come to. It is checked, and moves nothing.
        after_seq: i64,
        /// The checksum of that event.
        after_checksum: &'a str,
    }
}

rows! {
    /// A durable subscription.
    Subscription {
        /// The name.
        name: String,
        /// The actor whose subscription it is.
        actor: ActorId,
        /// Its filter.
        filter: Value,
        /// The last event that is acknowledged or does not match.
        cursor_seq: i64,
        /// How many bundles come after the cursor.
        behind: i64,
        /// When the current lease ends.
        leased_until: Option<SystemTime>,
        /// When it was created.
        created_at: SystemTime,
        /// The checksum of the bundle at cursor_seq.
        cursor_checksum: Option<String>,
    }

    /// What happened in a bundle.
    Event {
        /// The bundle.
        seq: i64,
        /// File:update, file:delete, entity:update, asset:update, bulk:apply or snapshot:ready.
        event: String,
        /// What happened, as JSON. Content of binary files is in content_base64. content_omitted: true means that the
        /// content was too large, or, with content_unavailable, that it is archived or collected. from_peer names the
        /// peer that the bundle came from.
        payload: Value,
        /// When the bundle was committed.
        committed_at: SystemTime,
        /// The first 16 hex digits of the bundle's checksum.
        checksum: String,
    }
}

calls! {
    /// Acknowledges everything up to a seq: it is never returned again. When that moves the cursor the lease ends, and
    /// what is left is returned again.
    fn ack_subscription(project_uuid: ProjectId, name: &str, seq: i64; checksum: &str) -> i64;

    /// Starts a durable subscription of the caller. It keeps its cursor, and the checksum of its cursor, in the database.
    fn create_subscription(project_uuid: ProjectId, name: &str; ..SubscribeOptions<'_>) -> ();

    /// Deletes a subscription of the caller. An owner may delete anybody's.
    fn delete_subscription(project_uuid: ProjectId, name: &str) -> ();

    /// Holds the private channel open for longer.
    fn keep_channel(project_uuid: ProjectId, channel: &str; lease: Duration) -> SystemTime;

    /// Lists the subscriptions of the caller. An owner gets all subscriptions of the project.
    fn list_subscriptions(project_uuid: ProjectId) -> Vec<Subscription>;

    /// Opens the private NOTIFY channel of a project and returns its name, which cannot be guessed. While somebody holds
    /// it open, every bundle is sent there as {event, seq, checksum, timestamp, payload} with the payload of
    /// `poll_events`. Content that does not fit into 7,900 bytes is left out (content_omitted). A message is a wake-up;
    /// `poll_events` has what was missed. The name changes when a member is removed, a token is revoked, a token with
    /// which it was opened expires, the project becomes private or `rotate_channel` is called, and every day. The last
    /// message of a name is {"event":"channel:closed"}, at the latest with the next bundle.
    fn open_channel(project_uuid: ProjectId; lease: Duration) -> String;

    /// Returns the events after a cursor in seq order, one for each bundle. Keep the last seq as the next cursor. There
    /// are no gaps: a later event never appears before an earlier one.
    fn poll_events(project_uuid: ProjectId; ..PollOptions<'_>) -> Vec<Event>;

    /// Returns the next matching events and leases them. Until they are acknowledged or the lease ends, further polls
    /// return nothing; after the lease they are returned again.
    fn poll_subscription(project_uuid: ProjectId, name: &str; ..PollSubscriptionOptions<'_>) -> Vec<Event>;

    /// Gives the private channel another name.
    fn rotate_channel(project_uuid: ProjectId) -> ();
}
