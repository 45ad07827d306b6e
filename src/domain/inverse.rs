//! What takes a bundle back: edits that restore what it touched, and what is in their way.

use crate::blob;
use crate::gate::Access;
use crate::ids::Seq;
use crate::log::quarantine;
use quire_core::conflict::OnConflict;
use quire_core::error::{Code, Result};
use quire_core::hash::Hash;
use quire_core::op::Topic;
use quire_core::quarantine::RowKind;
use serde_json::{Value, json};
use std::collections::HashMap;

/// A bundle that is to be taken back.
pub struct Inverting<'a> {
    pub access: &'a Access,
    pub seq: Seq,
    pub on_conflict: OnConflict,
}

/// Something that the bundle touched and that cannot be given back what it was.
pub struct InTheWay {
    /// The members that name it.
    pub key: Value,
    /// What it is a part of, for people.
    pub part_of: Option<String>,
    pub why: Why,
    /// Whether it can be overwritten, and kept as a conflict.
    pub is_recordable: bool,
}

/// Why that is.
pub enum Why {
    /// It has become something else since.
    Changed {
        /// Bundle that made it what it is.
        seq: Seq,
        /// What that bundle did, for people: a verb and its object.
        action: String,
    },
    /// Its content is not here any more; how that came, for people.
    Gone(String),
}

impl InTheWay {
    /// Bundle that made it what it is.
    pub fn seq(&self) -> Option<Seq> {
        match self.why {
            Why::Changed { seq, .. } => Some(seq),
            Why::Gone(_) => None,
        }
    }
}

impl Inverting<'_> {
    /// What a bundle gives back is an older operation's, whichever that is: none about this may be corrupt, or taking back would
    /// log what is corrupt anew, as sound.
    pub fn refuse_corrupt(&self, topic: Topic) -> Result<()> {
        let kinds = [RowKind::Logged(topic), RowKind::Current(topic)];
        quarantine::refuse(self.access.project, kinds, json!({}))
    }

    /// Contents that are archived or collected, and how that is said. Only who skips is spared them: the others are refused when
    /// the bundle is written.
    pub fn gone(&self, wanted: impl Iterator<Item = Hash>) -> Result<HashMap<Hash, String>> {
        let project = self.access.project;
        let mut gone = HashMap::new();
        if self.on_conflict != OnConflict::Skip {
            return Ok(gone);
        }
        let wanted: Vec<Hash> = wanted.collect();
        let present = blob::store::existing(project, &wanted)?;
        for hash in wanted.iter().filter(|hash| !present.contains(hash)) {
            let stored = blob::store::state(project, hash)?.map(|stored| stored.gone(hash));
            if let Some(error) = stored.filter(|error| error.code() == Code::Gone) {
                gone.insert(*hash, error.message().to_owned());
            }
        }
        Ok(gone)
    }
}
