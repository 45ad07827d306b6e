//! A second connection that follows the project: it hears the hints, and reads the events they hint at.

use crate::Result;
use crate::sql::{connect, explain, heading, shorten};
use postgres::fallible_iterator::FallibleIterator;
use postgres::{Client, Config};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use uuid::Uuid;

/// Events asked for at once.
const PAGE: i32 = 1000;

/// A connection that listens in a thread of its own.
pub struct Follower {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<(Client, u64)>>,
    project: Uuid,
}

impl Follower {
    /// Connects and listens; returns when the server has confirmed it, so that no hint is missed.
    pub fn start(config: &Config, project: Uuid) -> Result<Self> {
        let mut client = connect(config)?;
        client.batch_execute(&format!("LISTEN \"realtime:project:{project}\""))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut hints = 0;
            while !stopped.load(Ordering::Relaxed) {
                hints += heard(&mut client, Duration::from_millis(100))?;
            }
            hints += heard(&mut client, Duration::from_millis(500))?;
            Ok((client, hints))
        });
        Ok(Self { stop, thread, project })
    }

    /// Stops listening, reads all events to `head`, and prints what was received. Whether there is no gap.
    pub fn finish(self, head: i64) -> Result<bool> {
        self.stop.store(true, Ordering::Relaxed);
        let (mut client, hints) = self.thread.join().map_err(|_| "the listening thread panicked")??;
        heading("What a second connection received meanwhile");
        println!("LISTEN \"realtime:project:{}\": {hints} hints (NOTIFY, a wake-up only)\n", self.project);
        let sql = "SELECT seq, event, payload, committed_at::text FROM quire.poll_events(project_uuid => $1, \
             after_seq => $2, max_events => $3, with_content => false)";
        println!("{sql}\n-- again and again, from the last seq\n");
        let (mut cursor, mut events, mut gap) = (0i64, 0u64, None);
        loop {
            let rows =
                client.query(sql, &[&self.project, &cursor, &PAGE]).map_err(|error| explain(&error))?;
            for row in &rows {
                let seq: i64 = row.try_get(0)?;
                if seq != cursor + 1 && gap.is_none() {
                    gap = Some((cursor, seq));
                }
                cursor = seq;
                events += 1;
                if events <= 3 || seq > head - 3 {
                    let (event, payload, at): (&str, Value, &str) =
                        (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
                    println!("  {seq:>6}  {event:<12} {at}  {}", shorten(&payload.to_string(), 100));
                } else if events == 4 {
                    println!("     ...");
                }
            }
            if rows.is_empty() {
                break;
            }
        }
        match gap {
            Some((before, after)) => println!("\nGAP: after event {before} came {after}"),
            None if cursor != head => println!("\nGAP: the events end at {cursor}, the project is at {head}"),
            None => println!("\n{events} events, seq 1 to {cursor} without a gap"),
        }
        Ok(gap.is_none() && cursor == head)
    }
}

/// How many notifications arrive until none comes for a while.
fn heard(client: &mut Client, quiet: Duration) -> Result<u64> {
    let mut notifications = client.notifications();
    let count = notifications.timeout_iter(quiet).count()?;
    Ok(count as u64)
}
