//! SQL of packs: runs of old changes of a document that have no rows of their own any more.
//!
//! Promises: a change is in its row or in a pack. Who reads rows first and packs then misses none, whoever packs meanwhile; where both
//! have one, the row counts.

use super::{DocLine, changes, unsound};
use crate::db::{self, Arg, ObjectLock, Row};
use crate::ids::{DocId, Pg, ProjectId};
use quire_core::doc::pack::unpack;
use quire_core::doc::{ActorId as DocActor, ChangeHash, DocChange, DocLimits};
use quire_core::error::Result;
use quire_core::interrupt;
use quire_core::key::DocKey;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

/// Shortest and longest beginning of a hash that a pack keeps of each change.
const WIDTHS: std::ops::RangeInclusive<usize> = 4..=32;

/// Changes of a document at the places from `first` to `last`, out of a pack.
pub struct Run {
    pub doc: DocId,
    pub first: i64,
    pub last: i64,
    /// In the order of their places; `None` when the pack cannot be read.
    pub changes: Option<Rc<Vec<DocChange>>>,
    beside: Beside,
}

impl Run {
    /// Whether what stands beside the changes says the same.
    pub fn is_sound(&self) -> bool {
        self.changes.as_ref().is_some_and(|changes| Beside::of(changes).as_ref() == Some(&self.beside))
    }

    /// Those after a place and up to another.
    pub fn within(&self, after: i64, up_to: i64) -> impl Iterator<Item = (i64, &DocChange)> {
        let changes = self.changes.iter().flat_map(|changes| changes.iter());
        (self.first..).zip(changes).filter(move |(place, _)| *place > after && *place <= up_to)
    }
}

/// What a pack has beside its changes.
#[derive(PartialEq, Debug)]
struct Beside {
    change_bytes: i64,
    /// Who made them, in hexadecimal, in order, and the number of the last change of each.
    actors: Vec<String>,
    last_seqs: Vec<i64>,
    /// The beginnings of their hashes, so many bytes of each that no two are the same.
    hashes: Vec<u8>,
}

impl Beside {
    /// Of changes in the order of their places; `None` when there are none, or one is there twice.
    fn of(changes: &[DocChange]) -> Option<Self> {
        let mut seqs: BTreeMap<String, i64> = BTreeMap::new();
        for change in changes {
            let last = seqs.entry(change.actor().to_hex_string()).or_default();
            *last = change.seq().cast_signed().max(*last);
        }
        let all: Vec<[u8; 32]> = changes.iter().map(|change| change.hash().0).collect();
        let width = WIDTHS.into_iter().find(|width| {
            let different: HashSet<&[u8]> = all.iter().map(|hash| &hash[..*width]).collect();
            different.len() == all.len()
        })?;
        let (actors, last_seqs) = seqs.into_iter().unzip();
        Some(Self {
            change_bytes: changes.iter().map(|change| change.bytes().len() as i64).sum(),
            actors,
            last_seqs,
            hashes: all.iter().flat_map(|hash| &hash[..width]).copied().collect(),
        })
    }
}

/// A pack, and what is in it.
struct Unpacked {
    packed: Vec<u8>,
    changes: Rc<Vec<DocChange>>,
}

thread_local! {
    /// The one that was read last: who goes through a log asks for it many times.
    static LAST: RefCell<Option<Unpacked>> = const { RefCell::new(None) };
}

/// The changes of a pack, in any order; `None` when it cannot be read.
fn unpacked(packed: &[u8]) -> Option<Rc<Vec<DocChange>>> {
    let kept = LAST.with_borrow(|last| {
        last.as_ref().filter(|last| last.packed == packed).map(|last| Rc::clone(&last.changes))
    });
    if kept.is_some() {
        return kept;
    }
    let changes = Rc::new(unpack(packed, &DocLimits::LARGEST).ok()?);
    LAST.set(Some(Unpacked { packed: packed.to_vec(), changes: Rc::clone(&changes) }));
    Some(changes)
}

/// How many bytes of each hash there are.
fn width(hashes: &[u8], first: i64, last: i64) -> Option<usize> {
    let count = last.checked_sub(first).and_then(|more| more.checked_add(1))?;
    let count = usize::try_from(count).ok().filter(|count| *count > 0)?;
    Some(hashes.len() / count).filter(|width| WIDTHS.contains(width) && hashes.len() == width * count)
}

/// The changes of a pack, in the order of their places.
fn in_place(packed: &[u8], hashes: &[u8], first: i64, last: i64) -> Option<Rc<Vec<DocChange>>> {
    let width = width(hashes, first, last)?;
    let changes = unpacked(packed)?;
    if changes.len() * width != hashes.len() {
        return None;
    }
    if hashes.chunks(width).zip(changes.iter()).all(|(hash, change)| change.hash().0.starts_with(hash)) {
        return Some(changes);
    }
    let mut by_hash: HashMap<Vec<u8>, &DocChange> =
        changes.iter().map(|change| (change.hash().0[..width].to_vec(), change)).collect();
    let placed: Option<Vec<DocChange>> =
        hashes.chunks(width).map(|hash| by_hash.remove(hash).cloned()).collect();
    placed.map(Rc::new)
}

fn run_of(row: &Row) -> Result<Run> {
    interrupt::check()?;
    let (first, last) = (row.get("first_place")?, row.get("last_place")?);
    let beside = Beside {
        change_bytes: row.get("change_bytes")?,
        actors: row.get("actors")?,
        last_seqs: row.get("last_seqs")?,
        hashes: row.get("hashes")?,
    };
    let changes = in_place(row.get("packed")?, &beside.hashes, first, last);
    Ok(Run { doc: row.get("doc_id")?, first, last, changes, beside })
}

/// What [`run_of`] reads of a table `p`.
macro_rules! columns_of_pack {
    () => {
        "SELECT p.doc_id, p.first_place, p.last_place, p.change_bytes, p.actors, p.last_seqs, p.hashes, p.packed, "
    };
}

/// Hands out the packs with changes after a place and up to another, in their order, and what of each counts: up to its document's last
/// place. One after the other, because all of a long document unpacked may be much.
pub fn each_run(
    project: ProjectId,
    line: &DocLine,
    after: i64,
    up_to: i64,
    mut each: impl FnMut(Run, i64),
) -> Result<()> {
    const SQL: &str = concat!(
        columns_of_pack!(),
        "LEAST($5, l.last) AS up_to
        FROM unnest($2::bigint[], $3::bigint[]) AS l (doc_id, last)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.doc_pack s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.last_place > $4
              AND s.first_place <= LEAST($5, l.last) OFFSET 0) p
        ORDER BY p.first_place"
    );
    let (docs, lasts) = line.columns();
    let args: [Arg; 5] = [project.pg().into(), docs.into(), lasts.into(), after.into(), up_to.into()];
    db::read(SQL, &args, |row| {
        each(run_of(row)?, row.get("up_to")?);
        Ok(())
    })
    .map(drop)
}

/// The packs of one document with changes after a place and up to another.
fn runs(project: ProjectId, doc: DocId, after: i64, up_to: i64) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    each_run(project, &DocLine::own(doc), after, up_to, |run, _| runs.push(run))?;
    Ok(runs)
}

/// Where changes are that have no rows.
///
/// Errors: XX001 when a pack that may have one cannot be read.
pub fn find(
    project: ProjectId,
    line: &DocLine,
    hashes: &HashSet<ChangeHash>,
    mut take: impl FnMut(&DocChange, DocId, i64),
) -> Result<()> {
    const SQL: &str = "SELECT p.doc_id, p.first_place, p.last_place, p.hashes, l.last
        FROM unnest($2::bigint[], $3::bigint[]) AS l (doc_id, last)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.doc_pack s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.first_place <= l.last OFFSET 0) p";
    let (docs, lasts) = line.columns();
    let args: [Arg; 3] = [project.pg().into(), docs.into(), lasts.into()];
    let mut beginnings: HashMap<usize, HashSet<&[u8]>> = HashMap::new();
    let mut found: Vec<(DocId, i64)> = Vec::new();
    db::read(SQL, &args, |row| {
        let (first, last): (i64, i64) = (row.get("first_place")?, row.get("last_place")?);
        let (stored, most): (&[u8], i64) = (row.get("hashes")?, row.get("last")?);
        let Some(width) = width(stored, first, last) else { return Err(unsound(line)) };
        let wanted =
            beginnings.entry(width).or_insert_with(|| hashes.iter().map(|hash| &hash.0[..width]).collect());
        let places = (first..)
            .zip(stored.chunks(width))
            .filter(|(place, hash)| *place <= most && wanted.contains(hash));
        let doc = row.get("doc_id")?;
        found.extend(places.map(|(place, _)| (doc, place)));
        Ok(())
    })?;
    found.sort_unstable();
    let mut packs = Packs::of(project);
    for (doc, place) in found {
        let change = packs.get(doc, place)?.ok_or_else(|| unsound(line))?;
        if hashes.contains(&change.hash()) {
            take(&change, doc, place);
        }
    }
    Ok(())
}

/// The numbers of the changes that some actors have in packs of which a part counts: where a branch begins in the middle of one.
pub fn seqs_of_parts(
    project: ProjectId,
    line: &DocLine,
    actors: &BTreeSet<&DocActor>,
) -> Result<Vec<(DocActor, u64)>> {
    const SQL: &str = concat!(
        columns_of_pack!(),
        "l.last AS up_to
        FROM unnest($2::bigint[], $3::bigint[]) AS l (doc_id, last)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.doc_pack s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.first_place <= l.last AND s.last_place > l.last
              AND s.actors && $4 OFFSET 0) p"
    );
    let (docs, lasts) = line.columns();
    let wanted: Vec<String> = actors.iter().map(|actor| actor.to_hex_string()).collect();
    let args: [Arg; 4] = [project.pg().into(), docs.into(), lasts.into(), wanted.into()];
    let mut seqs = Vec::new();
    for (run, up_to) in db::read(SQL, &args, |row| Ok((run_of(row)?, row.get("up_to")?)))? {
        if run.changes.is_none() {
            return Err(unsound(line));
        }
        let counted = run.within(0, up_to).filter(|(_, change)| actors.contains(change.actor()));
        seqs.extend(counted.map(|(_, change)| (change.actor().clone(), change.seq())));
    }
    Ok(seqs)
}

/// Single changes out of packs: the pack of the last one is kept at hand.
pub struct Packs {
    project: ProjectId,
    last: Option<Run>,
}

impl Packs {
    pub fn of(project: ProjectId) -> Self {
        Self { project, last: None }
    }

    /// The change at a place; `None` where no pack has it, or it cannot be read.
    pub fn get(&mut self, doc: DocId, place: i64) -> Result<Option<DocChange>> {
        let has = |run: &Run| run.doc == doc && run.first <= place && place <= run.last;
        if !self.last.as_ref().is_some_and(has) {
            self.last = runs(self.project, doc, place - 1, place)?.pop();
        }
        let run = self.last.as_ref().filter(|run| has(run));
        Ok(run.and_then(|run| run.within(place - 1, place).next()).map(|(_, change)| change.clone()))
    }
}

/// Who packs a project's documents, and who takes a pack apart, waits for others who do.
pub fn lock(project: ProjectId) -> Result<()> {
    ObjectLock::of(c"doc_pack", "pack", project.0.as_bytes())?.wait();
    Ok(())
}

/// Puts a run of rows into a pack. Only with the guard of the log's rows open, and the lock of packs held.
pub fn store(
    project: ProjectId,
    doc: DocId,
    first: i64,
    changes: &[DocChange],
    packed: &[u8],
) -> Result<bool> {
    const INSERT: &str = "INSERT INTO quire_store.doc_pack
            (project_id, doc_id, first_place, last_place, change_bytes, actors, last_seqs, hashes, packed)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    const DELETE: &str = "DELETE FROM quire_store.doc_change
        WHERE project_id = $1 AND doc_id = $2 AND place >= $3 AND place <= $4";
    let Some(beside) = Beside::of(changes) else { return Ok(false) };
    let places = || -> [Arg; 4] {
        let last = first + changes.len() as i64 - 1;
        [project.pg().into(), doc.pg().into(), first.into(), last.into()]
    };
    let columns: [Arg; 5] = [
        beside.change_bytes.into(),
        beside.actors.into(),
        beside.last_seqs.into(),
        beside.hashes.into(),
        packed.into(),
    ];
    // Who sees an older state in which somebody else has not packed them yet fails here.
    db::exec(DELETE, &places())?;
    db::exec(INSERT, &places().into_iter().chain(columns).collect::<Vec<_>>())?;
    Ok(true)
}

/// Gives the changes of the packs that have some of these places rows again, as far as the packs can be read. Only with the guard of the
/// log's rows open.
pub fn take_apart(project: ProjectId, doc: DocId, after: i64, up_to: i64) -> Result<()> {
    lock(project)?;
    for run in runs(project, doc, after, up_to)? {
        let Some(packed) = &run.changes else { continue };
        changes::insert_missing(project, doc, run.first, packed)?;
        delete(project, doc, run.last)?;
    }
    Ok(())
}

/// Deletes the packs that have some of these places and cannot be read, if each of their changes has a row. Only with the guard of the
/// log's rows open.
pub fn delete_replaced(project: ProjectId, doc: DocId, after: i64, up_to: i64) -> Result<()> {
    const SQL: &str = "SELECT count(*) AS count FROM quire_store.doc_change c
        WHERE c.project_id = $1 AND c.doc_id = $2 AND c.place >= $3 AND c.place <= $4";
    for run in runs(project, doc, after, up_to)? {
        let args: [Arg; 4] = [project.pg().into(), doc.pg().into(), run.first.into(), run.last.into()];
        let rows: Option<i64> = db::read_one(SQL, &args, |row| row.get("count"))?;
        if rows == Some(run.last - run.first + 1) {
            delete(project, doc, run.last)?;
        }
    }
    Ok(())
}

fn delete(project: ProjectId, doc: DocId, last: i64) -> Result<()> {
    const SQL: &str =
        "DELETE FROM quire_store.doc_pack WHERE project_id = $1 AND doc_id = $2 AND last_place = $3";
    db::exec(SQL, &[project.pg().into(), doc.pg().into(), last.into()])
}

/// Documents of which so many changes or more may have rows, or may be behind the newest snapshot.
pub fn candidates(project: ProjectId, least: i64, behind: i64) -> Result<Vec<(DocKey, DocId)>> {
    const SQL: &str = "SELECT d.branch, d.doc, d.doc_id FROM quire_store.doc_head d
        LEFT JOIN LATERAL (
            SELECT sum(s.last_place - s.first_place + 1)::bigint AS changes FROM quire_store.doc_pack s
            WHERE s.project_id = $1 AND s.doc_id = d.doc_id) p ON true
        LEFT JOIN LATERAL (
            SELECT max(s.place) AS place FROM quire_store.doc_snapshot s
            WHERE s.project_id = $1 AND s.doc_id = d.doc_id) n ON true
        WHERE d.project_id = $1
          AND (d.change_count - COALESCE(p.changes, 0) >= $2 OR d.change_count - COALESCE(n.place, 0) >= $3)
        ORDER BY d.branch, d.doc";
    db::read(SQL, &[project.pg().into(), least.into(), behind.into()], |row| {
        Ok((DocKey { branch: row.get("branch")?, doc: row.get("doc")? }, row.get("doc_id")?))
    })
}

/// The places up to one that have rows and are in no pack, as runs without gaps: each its first and last.
pub fn rows_between(project: ProjectId, doc: DocId, up_to: i64) -> Result<Vec<(i64, i64)>> {
    const SQL: &str = "SELECT min(r.place) AS first, max(r.place) AS last FROM (
            SELECT c.place, c.place - row_number() OVER (ORDER BY c.place) AS run FROM quire_store.doc_change c
            WHERE c.project_id = $1 AND c.doc_id = $2 AND c.place <= $3
              AND NOT EXISTS (
                SELECT FROM quire_store.doc_pack p WHERE p.project_id = $1 AND p.doc_id = $2
                  AND p.first_place <= c.place AND p.last_place >= c.place)) r
        GROUP BY r.run ORDER BY first";
    db::read(SQL, &[project.pg().into(), doc.pg().into(), up_to.into()], |row| {
        Ok((row.get("first")?, row.get("last")?))
    })
}
