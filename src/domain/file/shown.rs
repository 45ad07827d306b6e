//! What events tell of files.

use super::store::changes::{LoggedChange, changes};
use crate::blob;
use crate::domain::shown::{Changes, Query};
use crate::ids::{ProjectId, Seq};
use quire_core::error::Result;
use quire_core::event::{Body, FileChange, ShownFile, add_files, of_files};
use quire_core::hash::Hash;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Changed paths that are wanted, by bundle.
struct Files {
    project: ProjectId,
    content_bytes: i64,
    names: HashMap<Seq, &'static str>,
    wanted: BTreeMap<Seq, Vec<LoggedChange>>,
    contents: Contents,
}

/// What bundles up to a seq changed.
pub fn read(query: &Query, up_to: Seq) -> Result<Box<dyn Changes>> {
    let mut wanted: BTreeMap<Seq, Vec<LoggedChange>> = BTreeMap::new();
    for change in changes(query.project, query.after, up_to)? {
        wanted.entry(change.seq).or_default().push(change);
    }
    let name = |(seq, changes): (&Seq, &Vec<LoggedChange>)| {
        let files = changes.iter().map(|change| (change.path.as_str(), change.content_hash.is_some()));
        Some((*seq, of_files(files)?))
    };
    let names = wanted.iter().filter_map(name).collect();
    wanted.values_mut().for_each(|changes| changes.retain(|change| query.filter.wants_path(&change.path)));
    let (project, content_bytes) = (query.project, query.content_bytes);
    Ok(Box::new(Files { project, content_bytes, names, wanted, contents: Contents::NotAsked }))
}

impl Changes for Files {
    fn event(&self, seq: Seq) -> Option<&'static str> {
        self.names.get(&seq).copied()
    }

    fn limit(&self) -> i64 {
        self.content_bytes
    }

    fn weight(&self, seq: Seq) -> i64 {
        if self.content_bytes == 0 {
            return 0;
        }
        let changes = self.wanted.get(&seq).map(Vec::as_slice).unwrap_or_default();
        changes.iter().fold(0i64, |bytes, change| bytes.saturating_add(change.size))
    }

    fn load(&mut self, up_to: Seq) -> Result<()> {
        self.wanted.retain(|seq, changes| *seq <= up_to && !changes.is_empty());
        if self.content_bytes > 0 {
            self.contents = Contents::load(self.project, &mut self.wanted, self.content_bytes)?;
        }
        Ok(())
    }

    fn describe(&mut self, seq: Seq, event: &str, payload: &mut Map<String, Value>) -> bool {
        let Some(changes) = self.wanted.remove(&seq) else { return false };
        let contents = &self.contents;
        let files = changes.into_iter().map(|change| FileChange {
            file: change.content_hash.map(|hash| ShownFile {
                content: contents.of(&hash, change.travels),
                content_hash: hash,
                size: change.size,
                file_type: change.file_type,
                mode: change.mode,
                is_binary: change.is_binary,
            }),
            file_path: change.path,
            version: change.version,
            moved_from: change.moved_from,
        });
        add_files(payload, event, files.collect());
        true
    }
}

/// Contents of a page's files.
enum Contents {
    NotAsked,
    Loaded(blob::store::Present),
}

impl Contents {
    /// Loads in log order until the page is full; only a bundle larger than a page leaves some out.
    fn load(project: ProjectId, changes: &mut BTreeMap<Seq, Vec<LoggedChange>>, most: i64) -> Result<Self> {
        let mut wanted = HashSet::new();
        let mut bytes = 0i64;
        for change in changes.values_mut().flatten() {
            let Some(hash) = change.content_hash else { continue };
            // Every occurrence counts: content that is stored once may be sent many times.
            change.travels = bytes.saturating_add(change.size) <= most;
            if change.travels {
                bytes += change.size;
                wanted.insert(hash);
            }
        }
        let wanted: Vec<Hash> = wanted.into_iter().collect();
        Ok(Contents::Loaded(blob::store::read_present(project, &wanted)?))
    }

    fn of(&self, hash: &Hash, travels: bool) -> Body {
        match self {
            Contents::NotAsked => Body::NotAsked,
            Contents::Loaded((contents, gone)) => match (contents.get(hash), gone.get(hash)) {
                _ if !travels => Body::Omitted,
                (Some(bytes), _) => Body::Bytes(bytes.clone()),
                (None, Some(stored)) => Body::Unavailable(stored.state.as_str()),
                (None, None) => Body::Omitted,
            },
        }
    }
}
