//! SQL of changes: in rows of their own, or in packs of old ones (`pack.rs`).

use super::{CHANGES, DocLine, pack, unsound};
use crate::db::rows::{Column, Rows};
use crate::db::{self, Arg};
use crate::ids::{DocId, Pg, ProjectId, Seq};
use pack::Packs;
use quire_core::doc::pack::MAX_CHANGES;
use quire_core::doc::{ActorId as DocActor, ChangeHash, DocChange, DocKnown, DocLimits, Heads};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::interrupt;
use quire_core::key::DocKey;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Rows after which the memory that their values took is given back.
const BATCH_ROWS: usize = 100;

/// A change that a document has.
struct Found {
    hash: ChangeHash,
    max_op: u64,
    doc: DocId,
    place: i64,
}

/// Those of some changes that a document has.
fn find(project: ProjectId, line: &DocLine, hashes: &HashSet<ChangeHash>) -> Result<Vec<Found>> {
    const SQL: &str = "SELECT c.hash, c.max_op, c.doc_id, c.place FROM unnest($4::bytea[]) AS w (hash)
        CROSS JOIN unnest($2::bigint[], $3::bigint[]) AS l (doc_id, last)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.hash = w.hash AND s.place <= l.last OFFSET 0) c";
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    let (docs, lasts) = line.columns();
    let wanted: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.0.to_vec()).collect();
    let args: [Arg; 4] = [project.pg().into(), docs.into(), lasts.into(), wanted.into()];
    let mut found = db::read(SQL, &args, |row| {
        Ok(Found {
            hash: change_hash(row.get("hash")?)?,
            max_op: row.get::<i64>("max_op")?.unsigned_abs(),
            doc: row.get("doc_id")?,
            place: row.get("place")?,
        })
    })?;
    let in_rows: HashSet<ChangeHash> = found.iter().map(|found| found.hash).collect();
    let missing: HashSet<ChangeHash> = hashes.difference(&in_rows).copied().collect();
    if !missing.is_empty() {
        pack::find(project, line, &missing, |change, doc, place| {
            found.push(Found { hash: change.hash(), max_op: change.max_op(), doc, place });
        })?;
    }
    Ok(found)
}

/// What a document has of changes, of those that they depend on, and of their actors.
pub fn known(project: ProjectId, line: &DocLine, changes: &[DocChange]) -> Result<DocKnown> {
    let own: HashSet<ChangeHash> = changes.iter().map(DocChange::hash).collect();
    let actors = last_seqs(project, line, changes.iter().map(DocChange::actor).collect())?;
    // The changes of an actor come one after the other: one behind the last is not there.
    let may_be_there =
        |change: &&DocChange| actors.get(change.actor()).is_some_and(|last| change.seq() <= *last);
    let wanted = changes.iter().filter(may_be_there).map(DocChange::hash);
    let deps = changes.iter().flat_map(|change| change.deps().iter().copied());
    let wanted: HashSet<ChangeHash> = wanted.chain(deps.filter(|dep| !own.contains(dep))).collect();
    let found = find(project, line, &wanted)?;
    let changes = found.into_iter().map(|found| (found.hash, found.max_op)).collect();
    Ok(DocKnown { changes, actors })
}

/// The numbers of the last changes of some actors.
fn last_seqs(
    project: ProjectId,
    line: &DocLine,
    actors: BTreeSet<&DocActor>,
) -> Result<HashMap<DocActor, u64>> {
    const SQL: &str = "SELECT w.actor, c.seq FROM unnest($4::bytea[]) AS w (actor)
        CROSS JOIN unnest($2::bigint[], $3::bigint[]) AS l (doc_id, last)
        CROSS JOIN LATERAL (
            (SELECT s.actor_seq AS seq FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.actor = w.actor AND s.place <= l.last
            ORDER BY s.actor_seq DESC LIMIT 1)
            UNION ALL
            (SELECT a.last_seq FROM quire_store.doc_pack p
            CROSS JOIN LATERAL unnest(p.actors, p.last_seqs) AS a (actor, last_seq)
            WHERE p.project_id = $1 AND p.doc_id = l.doc_id AND p.last_place <= l.last
              AND a.actor = encode(w.actor, 'hex'))) c";
    let (docs, lasts) = line.columns();
    let wanted: Vec<Vec<u8>> = actors.iter().map(|actor| actor.to_bytes().to_vec()).collect();
    let args: [Arg; 4] = [project.pg().into(), docs.into(), lasts.into(), wanted.into()];
    let mut found = db::read(SQL, &args, |row| {
        Ok((DocActor::from(row.get::<&[u8]>("actor")?), row.get::<i64>("seq")?.unsigned_abs()))
    })?;
    if !line.is_whole() {
        found.extend(pack::seqs_of_parts(project, line, &actors)?);
    }
    let mut last: HashMap<DocActor, u64> = HashMap::new();
    for (actor, seq) in found {
        last.entry(actor).and_modify(|known| *known = seq.max(*known)).or_insert(seq);
    }
    Ok(last)
}

/// The number of the last change of an actor.
pub fn last_of(project: ProjectId, line: &DocLine, actor: &DocActor) -> Result<u64> {
    Ok(last_seqs(project, line, BTreeSet::from([actor]))?.remove(actor).unwrap_or(0))
}

fn change_hash(bytes: &[u8]) -> Result<ChangeHash> {
    ChangeHash::try_from(bytes).map_err(|_| Error::internal("a stored hash of a change has another length"))
}

/// Which of these changes a document has.
pub fn has(project: ProjectId, line: &DocLine, hashes: &Heads) -> Result<Heads> {
    let hashes = hashes.as_slice().iter().copied().collect();
    Ok(Heads::new(find(project, line, &hashes)?.into_iter().map(|found| found.hash)))
}

/// The bundle with which a change came.
pub fn bundle_of(project: ProjectId, line: &DocLine, change: &ChangeHash) -> Result<Seq> {
    const SQL: &str = "SELECT s.bundle_seq FROM quire_store.doc_op s
        WHERE s.project_id = $1 AND s.doc_id = $2 AND s.first_place <= $3 AND s.first_place + s.change_count > $3 LIMIT 1";
    let found = find(project, line, &HashSet::from([*change]))?.pop().ok_or_else(|| unsound(line))?;
    let args: [Arg; 3] = [project.pg().into(), found.doc.pg().into(), found.place.into()];
    db::read_one(SQL, &args, |row| row.get("bundle_seq"))?.ok_or_else(|| unsound(line))
}

/// The changes of a document after a place and up to another.
pub fn changes(project: ProjectId, line: &DocLine, after: i64, up_to: i64) -> Result<Vec<DocChange>> {
    const SQL: &str = "SELECT c.place, c.bytes FROM unnest($2::bigint[], $3::bigint[]) AS l (doc_id, last)
        CROSS JOIN LATERAL (
            SELECT s.place, s.bytes FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.place > $4 AND s.place <= LEAST($5, l.last)
            ORDER BY s.place) c";
    let limits = DocLimits::LARGEST;
    let (docs, lasts) = line.columns();
    let args: [Arg; 5] = [project.pg().into(), docs.into(), lasts.into(), after.into(), up_to.into()];
    let rows = db::read(SQL, &args, |row| {
        let change = DocChange::read(row.get("bytes")?, &limits);
        Ok((row.get::<i64>("place")?, change.map_err(|_| unsound(line))?))
    })?;
    let found = with_packed(project, line, (after, up_to), rows, DocChange::clone)?;
    let is_whole = found.iter().zip(after + 1..).all(|((place, _), right)| *place == right)
        && found.len() as i64 == (up_to - after).max(0);
    if !is_whole {
        return Err(unsound(line));
    }
    Ok(found.into_iter().map(|(_, change)| change).collect())
}

/// Fills up what rows tell of the changes after a place and up to another with those of packs, in the order of their places.
fn with_packed<T>(
    project: ProjectId,
    line: &DocLine,
    (after, up_to): (i64, i64),
    mut rows: Vec<(i64, T)>,
    tell: impl Fn(&DocChange) -> T,
) -> Result<Vec<(i64, T)>> {
    rows.sort_by_key(|(place, _)| *place);
    if rows.len() as i64 == up_to - after {
        return Ok(rows);
    }
    let in_rows: HashSet<i64> = rows.iter().map(|(place, _)| *place).collect();
    pack::each_run(project, line, after, up_to, |run, last| {
        let packed = run.within(after, last).filter(|(place, _)| !in_rows.contains(place));
        rows.extend(packed.map(|(place, change)| (place, tell(change))));
    })?;
    rows.sort_by_key(|(place, _)| *place);
    Ok(rows)
}

/// The hashes of the first changes of a document.
pub fn hashes(project: ProjectId, line: &DocLine, up_to: i64) -> Result<Vec<ChangeHash>> {
    const SQL: &str = "SELECT c.place, c.hash FROM unnest($2::bigint[], $3::bigint[]) AS l (doc_id, last)
        CROSS JOIN LATERAL (
            SELECT s.place, s.hash FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.place <= LEAST($4, l.last) OFFSET 0) c";
    let (docs, lasts) = line.columns();
    let args: [Arg; 4] = [project.pg().into(), docs.into(), lasts.into(), up_to.into()];
    let rows = db::read(SQL, &args, |row| Ok((row.get("place")?, change_hash(row.get("hash")?)?)))?;
    let all = with_packed(project, line, (0, up_to), rows, DocChange::hash)?;
    Ok(all.into_iter().map(|(_, hash)| hash).collect())
}

/// The first changes of a document of one line that another line has not: their places and hashes, in order.
pub fn lacking(
    project: ProjectId,
    source: &DocLine,
    changes: i64,
    target: &DocLine,
) -> Result<Vec<(i64, ChangeHash)>> {
    const SQL: &str = "SELECT c.place, c.hash FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS l (doc_id, first, last)
        CROSS JOIN LATERAL (
            SELECT s.place, s.hash FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = l.doc_id AND s.place > l.first AND s.place <= LEAST(l.last, $5)
            ORDER BY s.place) c
        WHERE NOT EXISTS (
            SELECT FROM unnest($6::bigint[], $7::bigint[]) AS t (doc_id, last)
            CROSS JOIN LATERAL (
                SELECT s.place FROM quire_store.doc_change s
                WHERE s.project_id = $1 AND s.doc_id = t.doc_id AND s.hash = c.hash AND s.place <= t.last OFFSET 0) h)";
    let beyond = source.beyond(target);
    let (docs, firsts, lasts) = beyond.clone();
    let (targets, bounds) = target.columns();
    let args: [Arg; 7] = [
        project.pg().into(),
        docs.into(),
        firsts.into(),
        lasts.into(),
        changes.into(),
        targets.into(),
        bounds.into(),
    ];
    let mut lacking =
        db::read(SQL, &args, |row| Ok((row.get::<i64>("place")?, change_hash(row.get("hash")?)?)))?;
    for ((doc, first), last) in beyond.0.into_iter().zip(beyond.1).zip(beyond.2) {
        pack::each_run(project, &DocLine::own(DocId(doc)), first, last.min(changes), |run, last| {
            lacking.extend(run.within(first, last).map(|(place, change)| (place, change.hash())));
        })?;
    }
    lacking.sort_unstable();
    lacking.dedup();
    // Those of rows were compared with rows.
    let hashes = lacking.iter().map(|(_, hash)| *hash).collect();
    let found: HashSet<ChangeHash> =
        find(project, target, &hashes)?.into_iter().map(|found| found.hash).collect();
    lacking.retain(|(_, hash)| !found.contains(hash));
    Ok(lacking)
}

/// An operation as its rows tell, with the bytes of its changes: fewer than it counts, when some cannot be read.
pub struct OpWithChanges {
    pub seq: Seq,
    pub ordinal: i32,
    pub name: String,
    pub key: DocKey,
    pub doc: DocId,
    pub first_place: i64,
    pub count: i32,
    pub heads: Vec<String>,
    pub checksum: Option<Hash>,
    /// By their places.
    pub changes: BTreeMap<i64, Vec<u8>>,
}

/// Operations of the bundles after a seq and up to another, in log order.
pub fn stored_ops(project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<OpWithChanges>> {
    const SQL: &str =
        "SELECT o.bundle_seq, o.ordinal, o.op, o.branch, o.doc, o.doc_id, o.first_place, o.change_count,
            o.heads, o.op_checksum, c.place, c.bytes
        FROM quire_store.doc_op o
        LEFT JOIN LATERAL (
            SELECT s.place, s.bytes FROM quire_store.doc_change s
            WHERE s.project_id = $1 AND s.doc_id = o.doc_id AND s.place >= o.first_place
              AND s.place < o.first_place + o.change_count OFFSET 0) c ON true
        WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3";
    let mut ops: BTreeMap<(Seq, i32), OpWithChanges> = BTreeMap::new();
    db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
        let (seq, ordinal) = (row.get("bundle_seq")?, row.get("ordinal")?);
        let op = match ops.entry((seq, ordinal)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(OpWithChanges {
                seq,
                ordinal,
                name: row.get("op")?,
                key: DocKey { branch: row.get("branch")?, doc: row.get("doc")? },
                doc: row.get("doc_id")?,
                first_place: row.get("first_place")?,
                count: row.get("change_count")?,
                heads: row.get("heads")?,
                checksum: row.hash_if_any("op_checksum")?,
                changes: BTreeMap::new(),
            }),
        };
        if let Some(place) = row.opt("place")? {
            op.changes.insert(place, row.get("bytes")?);
        }
        Ok(())
    })?;
    // Document by document, so that a pack is opened once.
    let mut packed: Vec<&mut OpWithChanges> =
        ops.values_mut().filter(|op| (op.changes.len() as i64) < i64::from(op.count)).collect();
    packed.sort_by_key(|op| (op.doc, op.first_place));
    let mut packs = Packs::of(project);
    for op in packed {
        interrupt::step()?;
        for place in op.first_place..op.first_place.saturating_add(op.count.into()) {
            if let Entry::Vacant(row) = op.changes.entry(place) {
                match packs.get(op.doc, place)? {
                    Some(change) => row.insert(change.bytes().to_vec()),
                    None => break,
                };
            }
        }
    }
    Ok(ops.into_values().collect())
}

/// A change as its row tells, or its pack.
pub struct ChangeRow {
    pub place: i64,
    /// `None` when the bytes are none.
    pub change: Option<DocChange>,
    /// The columns beside them say the same. Those of a pack are told of its first change.
    pub is_sound: bool,
}

/// All changes of a document as they are stored, by their places.
pub fn change_rows(project: ProjectId, doc: DocId) -> Result<Vec<ChangeRow>> {
    const SQL: &str =
        "SELECT c.place, c.hash, c.actor, c.actor_seq, c.max_op, c.bytes FROM quire_store.doc_change c
        WHERE c.project_id = $1 AND c.doc_id = $2 ORDER BY c.place";
    let mut rows = db::read(SQL, &[project.pg().into(), doc.pg().into()], |row| {
        let change = DocChange::read(row.get("bytes")?, &DocLimits::LARGEST).ok();
        let columns = (
            row.get::<&[u8]>("hash")?,
            row.get::<&[u8]>("actor")?,
            row.get::<i64>("actor_seq")?,
            row.get::<i64>("max_op")?,
        );
        let is_sound = change.as_ref().is_some_and(|change| {
            let right = (
                change.hash().0,
                change.actor().to_bytes(),
                change.seq().cast_signed(),
                change.max_op().cast_signed(),
            );
            columns == (right.0.as_slice(), right.1, right.2, right.3)
        });
        Ok(ChangeRow { place: row.get("place")?, change, is_sound })
    })?;
    let in_rows: HashSet<i64> = rows.iter().map(|row| row.place).collect();
    pack::each_run(project, &DocLine::own(doc), 0, i64::MAX, |run, _| {
        let is_sound = run.is_sound();
        let places = (run.first..=run.last).take(MAX_CHANGES).zip(0..);
        rows.extend(places.filter(|(place, _)| !in_rows.contains(place)).map(|(place, at)| ChangeRow {
            place,
            change: run.changes.as_ref().and_then(|changes| changes.get(at)).cloned(),
            is_sound: is_sound || at > 0,
        }));
    })?;
    rows.sort_by_key(|row| row.place);
    Ok(rows)
}

/// Stores changes of a document, at the places from the first on.
pub fn insert(rows: &Rows, project: ProjectId, doc: DocId, first: i64, changes: &[DocChange]) -> Result<()> {
    let mut place = first;
    for batch in changes.chunks(BATCH_ROWS) {
        interrupt::check()?;
        db::in_passing(|| {
            batch.iter().try_for_each(|change| {
                let values: [Column; 8] = [
                    ("project_id", project.pg().into()),
                    ("doc_id", doc.pg().into()),
                    ("place", place.into()),
                    ("hash", change.hash().0.as_slice().into()),
                    ("actor", change.actor().to_bytes().into()),
                    ("actor_seq", (change.seq() as i64).into()),
                    ("max_op", (change.max_op() as i64).into()),
                    ("bytes", change.bytes().into()),
                ];
                place += 1;
                rows.insert(&CHANGES, &values)
            })
        })?;
    }
    Ok(())
}

/// Stores those that have no rows.
pub fn insert_missing(project: ProjectId, doc: DocId, first: i64, changes: &[DocChange]) -> Result<()> {
    const SQL: &str = "SELECT c.place FROM quire_store.doc_change c
        WHERE c.project_id = $1 AND c.doc_id = $2 AND c.place >= $3 AND c.place < $4";
    let last = first.saturating_add(changes.len() as i64);
    let args: [Arg; 4] = [project.pg().into(), doc.pg().into(), first.into(), last.into()];
    let there: HashSet<i64> = db::read(SQL, &args, |row| row.get("place"))?.into_iter().collect();
    let rows = Rows::begin();
    for (place, change) in (first..).zip(changes).filter(|(place, _)| !there.contains(place)) {
        insert(&rows, project, doc, place, std::slice::from_ref(change))?;
    }
    Ok(())
}

/// Writes changes of a document again, at the places from the first on. Only with the guard of the log's rows open.
pub fn write_again(project: ProjectId, doc: DocId, first: i64, changes: &[DocChange]) -> Result<()> {
    const SQL: &str =
        "UPDATE quire_store.doc_change SET hash = $4, actor = $5, actor_seq = $6, max_op = $7, bytes = $8
        WHERE project_id = $1 AND doc_id = $2 AND place = $3 RETURNING true";
    let last = first + changes.len() as i64 - 1;
    pack::take_apart(project, doc, first - 1, last)?;
    for (change, place) in changes.iter().zip(first..) {
        interrupt::check()?;
        let args: [Arg; 8] = [
            project.pg().into(),
            doc.pg().into(),
            place.into(),
            change.hash().0.as_slice().into(),
            change.actor().to_bytes().into(),
            (change.seq() as i64).into(),
            (change.max_op() as i64).into(),
            change.bytes().into(),
        ];
        if !db::in_passing(|| db::writes(SQL, &args))? {
            insert(&Rows::begin(), project, doc, place, std::slice::from_ref(change))?;
        }
    }
    pack::delete_replaced(project, doc, first - 1, last)
}
