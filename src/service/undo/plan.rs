//! What takes a bundle back: edits that restore what it touched, and what is in their way.

use crate::blob;
use crate::bundle::Plan;
use crate::domain::asset::store::Touched;
use crate::domain::file::{self, VersionRow};
use crate::domain::{asset, entity};
use crate::gate::Access;
use crate::ids::Seq;
use crate::log::quarantine;
use crate::log::store::{Author, authors};
use quire_core::asset::{AssetEdit, Source};
use quire_core::conflict::OnConflict;
use quire_core::edit::Edit;
use quire_core::error::{Code, Error, Result};
use quire_core::field::FieldEdit;
use quire_core::hash::Hash;
use quire_core::key::FieldKey;
use quire_core::op::Topic;
use quire_core::path::FilePath;
use quire_core::quarantine::RowKind;
use quire_core::text::shorten;
use quire_core::tree::{FileEdit, Head};
use quire_core::undo::{Verdict, judge};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// Most conflicts an error lists.
const MOST_LISTED: usize = 100;

/// Something a bundle touched that cannot be given back what it was.
struct InTheWay {
    target: Target,
    why: Why,
}

enum Why {
    /// It has become something else since.
    Changed {
        /// Bundle that made it what it is.
        seq: Seq,
        /// What that bundle did, in words.
        deed: String,
    },
    /// Its content is not here any more; in words.
    Gone(String),
}

impl InTheWay {
    fn seq(&self) -> Option<Seq> {
        match self.why {
            Why::Changed { seq, .. } => Some(seq),
            Why::Gone(_) => None,
        }
    }
}

enum Target {
    File(FilePath),
    Asset(Hash),
    Field(FieldKey),
}

/// Plans to take a bundle back. What is in the way is refused, left out, or, of fields, overwritten and kept as a conflict.
pub fn invert(access: &Access, seq: Seq, on_conflict: OnConflict) -> Result<Plan> {
    let mut plan = Plan { undoes_seq: Some(seq), ..Plan::default() };
    quarantine::refuse(access.project, RowKind::log(), json!({"seq": seq}))?;
    let mut in_the_way = files(access, seq, on_conflict, &mut plan.edits)?;
    in_the_way.extend(fields(access, seq, on_conflict, &mut plan.edits)?);
    in_the_way.extend(assets(access, seq, on_conflict, &mut plan.edits)?);
    let stops = |way: &&InTheWay| match on_conflict {
        OnConflict::Reject => true,
        OnConflict::Record => !matches!(way.target, Target::Field(_)),
        OnConflict::Skip => false,
    };
    let authors = authors(access.project, in_the_way.iter().filter_map(InTheWay::seq))?;
    let stopping: Vec<&InTheWay> = in_the_way.iter().filter(stops).collect();
    if !stopping.is_empty() {
        return Err(refusal(seq, &stopping, &authors));
    }
    let skipped: Vec<Value> = match on_conflict {
        OnConflict::Skip => in_the_way.iter().map(|way| tell(way, &authors)).collect(),
        _ => Vec::new(),
    };
    plan.answer = Some(json!({"undoes_seq": seq, "skipped": skipped}));
    Ok(plan)
}

/// What a bundle gives back is an older operation's, whichever that is: none of its kind may be corrupt, or taking back would
/// log what is corrupt anew, as sound.
fn refuse_corrupt(access: &Access, topic: Topic, is_untouched: bool) -> Result<()> {
    if is_untouched {
        Ok(())
    } else {
        quarantine::refuse(access.project, [RowKind::Logged(topic), RowKind::Current(topic)], json!({}))
    }
}

/// Contents that are archived or collected, and how that is told. Only who skips is spared them: the others are refused when
/// the bundle is written.
fn gone(
    access: &Access,
    on_conflict: OnConflict,
    wanted: impl Iterator<Item = Hash>,
) -> Result<HashMap<Hash, String>> {
    let mut gone = HashMap::new();
    if on_conflict != OnConflict::Skip {
        return Ok(gone);
    }
    let wanted: Vec<Hash> = wanted.collect();
    let present = blob::store::existing(access.project, &wanted)?;
    for hash in wanted.iter().filter(|hash| !present.contains(hash)) {
        let stored = blob::store::state(access.project, hash)?.map(|stored| stored.gone(hash));
        if let Some(error) = stored.filter(|error| error.code() == Code::Gone) {
            gone.insert(*hash, error.message().to_owned());
        }
    }
    Ok(gone)
}

fn files(access: &Access, seq: Seq, on_conflict: OnConflict, edits: &mut Vec<Edit>) -> Result<Vec<InTheWay>> {
    let touched = file::store::changed_in(access.project, seq)?;
    refuse_corrupt(access, Topic::File, touched.is_empty())?;
    let paths: BTreeSet<&str> = touched.iter().map(|change| change.path.as_str()).collect();
    let heads: HashMap<FilePath, Head> = file::store::heads_at(access.project, &paths)?;
    let wanted = touched.iter().filter_map(|change| change.from.as_ref()?.content_hash);
    let gone = gone(access, on_conflict, wanted)?;
    let mut in_the_way = Vec::new();
    for change in touched {
        let head = heads.get(&change.path);
        let of = |row: &Option<VersionRow>| row.as_ref().and_then(|row| row.to_head(None).file());
        match judge(&of(&change.from), &of(&change.to), &head.and_then(Head::file)) {
            Verdict::Nothing => {}
            Verdict::Restore => match change.from {
                Some(row) => match row.content_hash.and_then(|hash| gone.get(&hash)) {
                    Some(how) => {
                        let why = Why::Gone(how.clone());
                        in_the_way.push(InTheWay { target: Target::File(change.path), why });
                    }
                    None => edits.extend(file::put_again(access, change.path, row)?.map(Edit::File)),
                },
                None => {
                    let path = change.path;
                    edits.push(Edit::File(FileEdit::Delete { path, expected_version: None }));
                }
            },
            Verdict::Conflict => {
                let verb = if head.is_some_and(Head::is_live) { "changed" } else { "deleted" };
                let deed = format!("{verb} {}", shorten(change.path.as_str()));
                let why = Why::Changed { seq: head.map_or(0, |head| head.seq), deed };
                in_the_way.push(InTheWay { target: Target::File(change.path), why });
            }
        }
    }
    Ok(in_the_way)
}

fn fields(
    access: &Access,
    seq: Seq,
    on_conflict: OnConflict,
    edits: &mut Vec<Edit>,
) -> Result<Vec<InTheWay>> {
    let mut in_the_way = Vec::new();
    let touched = entity::store::touched_by(access.project, seq)?;
    refuse_corrupt(access, Topic::Field, touched.is_empty())?;
    for touched in touched {
        let verdict = judge(&touched.before, &touched.after, &touched.now.value);
        let is_in_the_way = verdict == Verdict::Conflict;
        if is_in_the_way {
            let target = Target::Field(touched.key.clone());
            let deed = entity::deed(&touched.key.field, touched.now.value.as_ref());
            in_the_way.push(InTheWay { target, why: Why::Changed { seq: touched.now.seq, deed } });
        }
        if verdict == Verdict::Restore || is_in_the_way && on_conflict == OnConflict::Record {
            // Who changed it since is in conflict with this.
            let base_seq = is_in_the_way.then_some(seq);
            edits.push(Edit::Field(FieldEdit::Write {
                key: touched.key,
                value: touched.before,
                base_seq,
                always: false,
            }));
        }
    }
    Ok(in_the_way)
}

fn assets(
    access: &Access,
    seq: Seq,
    on_conflict: OnConflict,
    edits: &mut Vec<Edit>,
) -> Result<Vec<InTheWay>> {
    let mut in_the_way = Vec::new();
    let touched = asset::store::touched_by(access.project, seq)?;
    refuse_corrupt(access, Topic::Asset, touched.is_empty())?;
    let gone = gone(access, on_conflict, touched.iter().map(|touched| touched.hash))?;
    for Touched { hash, before, after, now, seq } in touched {
        match judge(&before, &after, &now) {
            Verdict::Nothing => {}
            Verdict::Restore => match (before, gone.get(&hash)) {
                (Some(_), Some(how)) => {
                    let why = Why::Gone(how.clone());
                    in_the_way.push(InTheWay { target: Target::Asset(hash), why });
                }
                (Some(label), None) => {
                    edits.push(Edit::Asset(AssetEdit::Put { hash, source: Source::Stored, label }));
                }
                (None, _) => edits.push(Edit::Asset(AssetEdit::Delete { hash, reason: None })),
            },
            Verdict::Conflict => {
                let verb = if now.is_some() { "changed" } else { "deleted" };
                let deed = format!("{verb} asset {}", hash.to_hex());
                in_the_way.push(InTheWay { target: Target::Asset(hash), why: Why::Changed { seq, deed } });
            }
        }
    }
    Ok(in_the_way)
}

fn refusal(undoes: Seq, stopping: &[&InTheWay], authors: &HashMap<Seq, Author>) -> Error {
    let listed: Vec<Value> = stopping.iter().take(MOST_LISTED).map(|way| tell(way, authors)).collect();
    let first = stopping.first().map_or_else(String::new, |way| in_words(way, authors));
    let message = match stopping.len() {
        1 => format!("since bundle {undoes}, {first}"),
        2 => format!("since bundle {undoes}, {first}, and 1 more conflict"),
        count => format!("since bundle {undoes}, {first}, and {} more conflicts", count - 1),
    };
    Error::conflict("changed_since", message)
        .with("undoes_seq", undoes)
        .with("conflicts", listed)
        .with("count", stopping.len())
        .hint("on_conflict skip leaves what has changed since as it is")
}

fn in_words(way: &InTheWay, authors: &HashMap<Seq, Author>) -> String {
    match &way.why {
        Why::Changed { seq, deed } => {
            let name = authors.get(seq).map_or("somebody", |author| author.name.as_str());
            let of = match &way.target {
                Target::File(_) | Target::Asset(_) => String::new(),
                Target::Field(key) => format!("in {}, ", key.entity),
            };
            format!("{of}{name} {deed} (bundle {seq})")
        }
        Why::Gone(how) => how.clone(),
    }
}

fn tell(way: &InTheWay, authors: &HashMap<Seq, Author>) -> Value {
    let mut told = match &way.target {
        Target::File(path) => json!({"file_path": path.as_str()}),
        Target::Asset(hash) => json!({"content_hash": hash.to_hex()}),
        Target::Field(key) => json!({
            "entity_type": key.entity.entity_type, "entity_id": key.entity.entity_id, "field": key.field
        }),
    };
    let author = way.seq().and_then(|seq| authors.get(&seq));
    told["seq"] = way.seq().into();
    told["actor"] = json!(author.map(|author| author.actor));
    told["bundle_id"] = json!(author.map(|author| author.bundle_id));
    told["in_words"] = in_words(way, authors).into();
    told
}
