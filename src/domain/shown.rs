//! What a page of events tells of a domain, bundle by bundle.

use crate::ids::{ProjectId, Seq};
use quire_core::error::Result;
use quire_core::filter::Filter;
use serde_json::{Map, Value};

/// Most content one answer carries; what comes after waits for the next.
pub const MAX_CONTENT_BYTES: i64 = 32 << 20;

/// What is read.
pub struct Query<'a> {
    pub project: ProjectId,
    pub after: Seq,
    pub max_events: i64,
    /// Most bytes of content; 0 for none.
    pub content_bytes: i64,
    pub filter: &'a Filter,
}

/// What bundles after a seq and up to another changed. Unless a domain says otherwise, what it shows is short and at hand.
pub trait Changes {
    /// The event of a bundle that changes nothing else; `None` when it changes nothing of this. Whoever filters does not change what a
    /// bundle is called.
    fn event(&self, seq: Seq) -> Option<&'static str>;

    /// Most bytes of a page.
    fn limit(&self) -> i64 {
        i64::MAX
    }

    /// Bytes that a bundle adds to a page; 0 when what it changed is not wanted.
    fn weight(&self, _seq: Seq) -> i64 {
        0
    }

    /// Reads what events show of the bundles up to a seq, with which the page ends. The first may weigh more than a page.
    fn load(&mut self, _up_to: Seq) -> Result<()> {
        Ok(())
    }

    /// Adds what is wanted of a bundle; whether there is any.
    fn describe(&mut self, seq: Seq, event: &str, payload: &mut Map<String, Value>) -> bool;
}
