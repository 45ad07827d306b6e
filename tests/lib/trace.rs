//! Recorded editing of texts, in the form of github.com/josephg/editing-traces, replayed with Automerge: one change for each edit.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, ChangeHash, ObjId, ObjType, ROOT};
use quire_core::doc::root::FIRST_CHANGE;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::error::Error;
use std::path::Path;

/// A document whose text somebody typed, alone or together with others.
#[allow(dead_code, reason = "not everybody who includes this file reads all of it")]
pub struct Trace {
    /// Each author's copy: with what they did, and what they had seen of the others.
    pub copies: Vec<AutoCommit>,
    /// Where the text is.
    pub text: ObjId,
    /// The changes that make an empty text.
    pub beginning: Vec<Vec<u8>>,
    /// Each edit, none before one that it follows.
    pub edits: Vec<Edit>,
    /// The text in the end, as it was recorded.
    pub end: String,
}

/// One edit.
#[allow(dead_code, reason = "not everybody who includes this file reads all of it")]
pub struct Edit {
    /// Who made it.
    pub author: usize,
    /// The edits that it follows, by their number.
    pub parents: Vec<usize>,
    /// Its Automerge change.
    pub change: Vec<u8>,
}

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

impl Trace {
    /// Reads a file, JSON under gzip.
    pub fn read(file: &Path) -> Result<Self> {
        let file = flate2::read::GzDecoder::new(std::fs::File::open(file)?);
        Self::replay(&serde_json::from_reader(file)?)
    }

    /// From the JSON.
    pub fn replay(trace: &Value) -> Result<Self> {
        let mut first = AutoCommit::load(&FIRST_CHANGE)?.with_actor(author(0));
        let text = first.put_object(ROOT, "text", ObjType::Text)?;
        if let Some(start) = trace["startContent"].as_str() {
            first.splice_text(&text, 0, 0, start)?;
        }
        first.commit_with(timeless());
        let beginning = first.get_changes(&[]).iter().map(|change| change.raw_bytes().to_vec()).collect();
        let authors = trace["numAgents"].as_u64().map_or(1, |number| number as usize);
        let mut trace_of = Self {
            copies: (0..authors).map(|number| first.fork().with_actor(author(number))).collect(),
            text,
            beginning,
            edits: Vec::new(),
            end: trace["endContent"].as_str().ok_or("the trace has no end")?.to_owned(),
        };
        let mut hashes: Vec<ChangeHash> = Vec::new();
        let mut seen: Vec<HashSet<usize>> = vec![HashSet::new(); authors];
        for (number, edit) in trace["txns"].as_array().ok_or("the trace has no edits")?.iter().enumerate() {
            let by = index(&edit["agent"]).unwrap_or(0);
            let parents: Vec<usize> = match edit["parents"].as_array() {
                Some(parents) => parents
                    .iter()
                    .map(|parent| index(parent).ok_or("no parent"))
                    .collect::<std::result::Result<_, _>>()?,
                None => number.checked_sub(1).into_iter().collect(),
            };
            trace_of.catch_up(by, &parents, &mut seen[by])?;
            let copy = &mut trace_of.copies[by];
            let expected: Vec<ChangeHash> = parents.iter().map(|parent| hashes[*parent]).collect();
            if !parents.is_empty() && copy.get_heads().iter().any(|head| !expected.contains(head)) {
                return Err(format!("edit {number} does not follow what its author has seen").into());
            }
            for patch in edit["patches"].as_array().into_iter().flatten() {
                let (Some(at), Some(deleted)) = (index(&patch[0]), index(&patch[1])) else {
                    return Err("no patch".into());
                };
                let inserted = patch[2].as_str().ok_or("no text")?;
                copy.splice_text(&trace_of.text, at, deleted.cast_signed(), inserted)?;
            }
            if copy.commit_with(timeless()).is_none() {
                copy.empty_change(timeless());
            }
            let change = copy.get_last_local_change().ok_or("there is no change")?;
            hashes.push(change.hash());
            let change = change.raw_bytes().to_vec();
            seen[by].insert(number);
            trace_of.edits.push(Edit { author: by, parents, change });
        }
        Ok(trace_of)
    }

    /// Brings to a copy the edits that others made, up to these, and nothing else.
    fn catch_up(&mut self, copy: usize, parents: &[usize], seen: &mut HashSet<usize>) -> Result<()> {
        let mut missing: Vec<usize> = Vec::new();
        let mut next: Vec<usize> = parents.to_vec();
        while let Some(number) = next.pop() {
            if seen.insert(number) {
                missing.push(number);
                next.extend(&self.edits[number].parents);
            }
        }
        missing.sort_unstable();
        let changes: std::result::Result<Vec<_>, _> = missing
            .iter()
            .map(|number| automerge::Change::try_from(&self.edits[*number].change[..]))
            .collect();
        self.copies[copy].apply_changes(changes?)?;
        Ok(())
    }
}

/// The changes of somebody who types so many characters into a document, one change for each.
#[allow(dead_code, reason = "not everybody who includes this file reads all of it")]
pub fn typed(characters: usize) -> Vec<Vec<u8>> {
    let edits: Vec<Value> =
        (0..characters).map(|at| json!({"patches": [[at, 0, (["a", "é", " ", "\n"][at % 4])]]})).collect();
    let trace =
        Trace::replay(&json!({"txns": edits, "endContent": ""})).expect("what was made up can be typed");
    trace.beginning.into_iter().chain(trace.edits.into_iter().map(|edit| edit.change)).collect()
}

fn author(number: usize) -> ActorId {
    ActorId::from(format!("author {number}").as_bytes())
}

fn timeless() -> CommitOptions {
    CommitOptions::default().with_time(0)
}

fn index(number: &Value) -> Option<usize> {
    number.as_u64().and_then(|number| usize::try_from(number).ok())
}
