//! SQL of what the log tells, and of verification and repair: what the rows of documents tell, what does not follow, and how it is
//! written again.

use super::changes::{ChangeRow, change_rows, hashes, write_again};
use super::line::{HeadRow, current_rows};
use super::{DocHead, DocLine, Lineages, stored_heads, stored_ops};
use crate::db::{self, Arg};
use crate::domain::branch;
use crate::domain::doc::Docs;
use crate::domain::interface::{Logged, StoredOp, Stray, Written, found, key_text};
use crate::guc;
use crate::ids::{DocId, Pg, ProjectId, Seq};
use crate::jsonb::Json;
use quire_core::doc::{DocChange, DocLimits, DocSummary, Heads, Loaded};
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::interrupt;
use quire_core::key::DocKey;
use quire_core::op::{Change, DocOp, DocState, Op, State, Topic, Write};
use quire_core::quarantine::RowKind;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Logged for Docs {
    fn logged_kind(&self) -> RowKind {
        RowKind::Logged(Topic::Doc)
    }

    fn unequal(&self, project: ProjectId) -> Result<Vec<Value>> {
        let unequal = crate::domain::doc::binding::unequal(project)?.into_iter();
        let shown = unequal.map(|of| json!({"doc": of.doc, "path": of.path, "file_path": of.file_path}));
        Ok(shown.collect())
    }

    fn logged(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, StoredOp)>> {
        let ops = stored_ops(project, after, up_to)?.into_iter().map(|stored| {
            let read = |bytes: &Vec<u8>| DocChange::read(bytes, &DocLimits::LARGEST).ok();
            let changes: Option<Vec<DocChange>> = stored.changes.values().map(read).collect();
            let (count, key) = (stored.count, stored.key);
            let op = match (stored.name.as_str(), changes, stored_heads(stored.heads)) {
                ("doc.change", Some(changes), _) if changes.len() as i32 == count && count > 0 => {
                    Some(DocOp::Change { key, changes })
                }
                ("doc.delete", _, Ok(heads)) if count == 0 => Some(DocOp::Delete { key, heads }),
                _ => None,
            };
            let kind = RowKind::Logged(Topic::Doc);
            (
                stored.seq,
                StoredOp { ordinal: stored.ordinal, kind, op: op.map(Op::Doc), stored: stored.checksum },
            )
        });
        Ok(ops.collect())
    }

    /// Which changes an operation brings stands in itself.
    fn written(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<Written>> {
        const SQL: &str = "SELECT o.bundle_seq, o.ordinal, o.op, o.branch, o.doc FROM quire_store.doc_op o
            WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3";
        db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
            let is_change = row.get::<&str>("op")? == "doc.change";
            let key = DocKey { branch: row.get("branch")?, doc: row.get("doc")? };
            let change = Change::Doc(key, is_change.then(Vec::new));
            Ok(Written {
                seq: row.get("bundle_seq")?,
                ordinal: row.get("ordinal")?,
                write: Write { change, base: None },
            })
        })
    }

    fn add_state_at(&self, project: ProjectId, seq: Seq, state: &mut State) -> Result<()> {
        let docs = docs(project)?;
        let mut lineages = Lineages::logged(project, docs.clone())?;
        for key in docs.into_keys() {
            let Some(lineage) = lineages.get(&key.branch)? else { continue };
            let head = lineages.at(&lineage.up_to(seq), &key.doc)?;
            if let Some(head) = head.filter(|head| head.own.is_some()) {
                state.docs.insert(key, state_of(project, head)?);
            }
        }
        Ok(())
    }

    fn add_current_state(&self, project: ProjectId, state: &mut State) -> Result<()> {
        let mut lineages = Lineages::logged(project, docs(project)?)?;
        for (key, row) in current_rows(project)? {
            // A row that cannot be read shows nothing.
            let Ok(row) = row else { continue };
            let head = lineages.complete(&key, row)?;
            state.docs.insert(key, state_of(project, head)?);
        }
        Ok(())
    }

    fn strays(&self, project: ProjectId) -> Result<Vec<Stray>> {
        let mut strays = Vec::new();
        let mut ops: BTreeMap<DocKey, Vec<OpRow>> = BTreeMap::new();
        for (key, op) in op_rows(project, None)? {
            ops.entry(key).or_default().push(op);
        }
        let rows: BTreeMap<DocKey, Result<HeadRow>> = current_rows(project)?.into_iter().collect();
        let mut lineages = Lineages::logged(project, numbers(&ops))?;
        // What hangs off a branch that is not what was logged is not wrong for that.
        let has_lineages = branch::store::is_log_sound(project)?;
        for (key, ops) in &ops {
            interrupt::check()?;
            if !has_lineages && key.branch != DocKey::MAIN {
                continue;
            }
            let base = match lineages.inherited(key) {
                // What is wrong with it is found where it is.
                Err(error) if error.code() == Code::Corrupt => continue,
                base => base?,
            };
            let Some(rebuilt) = rebuild(project, key, base.as_ref(), ops, &mut strays)? else { continue };
            if let Some(row) = rows.get(key) {
                strays.extend(stray_head(project, key, ops, &rebuilt, row)?);
            }
        }
        Ok(strays)
    }

    fn repair_op(&self, project: ProjectId, seq: Seq, ordinal: i32, op: &Op) -> Result<()> {
        const SQL: &str = "UPDATE quire_store.doc_op SET op = $4, branch = $5, doc = $6, change_count = $7,
                heads = CASE WHEN $4 = 'doc.delete' THEN $8 ELSE heads END
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
        let Op::Doc(op) = op else { return Err(Error::internal("this is no operation on a document")) };
        let (changes, heads) = match op {
            DocOp::Change { changes, .. } => (changes.as_slice(), Heads::default()),
            DocOp::Delete { heads, .. } => (&[][..], heads.clone()),
        };
        let DocKey { branch, doc } = op.key();
        let args: [Arg; 8] = [
            project.pg().into(),
            seq.pg().into(),
            ordinal.into(),
            op.name().into(),
            branch.as_str().into(),
            doc.as_str().into(),
            (changes.len() as i32).into(),
            heads.to_texts().into(),
        ];
        db::exec(SQL, &args)?;
        match op_row(project, seq, ordinal)? {
            Some((_, doc, first)) if !changes.is_empty() => write_again(project, doc, first, changes),
            _ => Ok(()),
        }
    }

    fn repair_op_checksum(&self, project: ProjectId, seq: Seq, ordinal: i32, right: &Hash) -> Result<()> {
        const SQL: &str = "UPDATE quire_store.doc_op SET op_checksum = $4
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
        db::exec(
            SQL,
            &[project.pg().into(), seq.pg().into(), ordinal.into(), right.as_bytes().as_slice().into()],
        )
    }

    /// What an operation says beside itself follows from its changes, and from the operations before it.
    fn repair_logged_row(&self, project: ProjectId, seq: Seq, ordinal: i32) -> Result<bool> {
        const HEADS: &str = "UPDATE quire_store.doc_op SET heads = $4
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
        const TOTALS: &str = "UPDATE quire_store.doc_op
            SET total_changes = $4, total_bytes = $5, total_ops = $6, max_op = $7
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
        let Some((key, ..)) = op_row(project, seq, ordinal)? else { return Ok(false) };
        let rows: Vec<OpRow> = op_rows(project, Some(&key))?.into_iter().map(|(_, row)| row).collect();
        let Some(row) = rows.iter().find(|row| row.seq == seq && row.ordinal == ordinal) else {
            return Ok(false);
        };
        let base = inherited(project, &key)?;
        let line = base.as_ref().map(|base| base.line.clone()).unwrap_or_default().and(row.doc_id);
        if !row.is_deletion {
            let own = super::changes(
                project,
                &DocLine::own(row.doc_id),
                row.first_place - 1,
                row.first_place + row.count - 1,
            )?;
            write_again(project, row.doc_id, row.first_place, &own)?;
        }
        let mut summary = DocSummary::default();
        let before = rows.iter().take_while(|before| (before.seq, before.ordinal) <= (seq, ordinal));
        let last = before.filter(|row| !row.is_deletion).map(|row| row.first_place + row.count - 1).last();
        let last = last.or(base.map(|base| base.summary.changes)).unwrap_or_default();
        summary.append(&super::changes(project, &line, 0, last)?, &DocLimits::LARGEST)?;
        let place = || -> [Arg; 3] { [project.pg().into(), seq.pg().into(), ordinal.into()] };
        if !row.is_deletion {
            let heads: Arg = summary.heads.to_texts().into();
            db::exec(HEADS, &place().into_iter().chain([heads]).collect::<Vec<_>>())?;
        }
        let totals: [Arg; 4] = [
            summary.changes.into(),
            summary.bytes.into(),
            summary.ops.into(),
            (summary.max_op as i64).into(),
        ];
        db::exec(TOTALS, &place().into_iter().chain(totals).collect::<Vec<_>>())?;
        Ok(true)
    }

    fn repair_current(&self, project: ProjectId, key: &Value) -> Result<bool> {
        const SQL: &str = "INSERT INTO quire_store.doc_head (project_id, branch, doc, doc_id, heads, deleted_heads,
                change_count, change_bytes, op_count, max_op, seq, actor_id, updated_at, tip)
            SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, b.seq, b.actor_id, b.committed_at, $12
            FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = $11
            ON CONFLICT (project_id, branch, doc) DO UPDATE
            SET doc_id = EXCLUDED.doc_id, heads = EXCLUDED.heads, deleted_heads = EXCLUDED.deleted_heads,
                change_count = EXCLUDED.change_count, change_bytes = EXCLUDED.change_bytes, op_count = EXCLUDED.op_count,
                max_op = EXCLUDED.max_op, seq = EXCLUDED.seq, actor_id = EXCLUDED.actor_id, updated_at = EXCLUDED.updated_at,
                tip = EXCLUDED.tip
            RETURNING true";
        let key =
            DocKey { branch: key_text(key, "branch")?.to_owned(), doc: key_text(key, "doc")?.to_owned() };
        let ops: Vec<OpRow> = op_rows(project, Some(&key))?.into_iter().map(|(_, row)| row).collect();
        let base = inherited(project, &key)?;
        let rebuilt = rebuild(project, &key, base.as_ref(), &ops, &mut Vec::new())?;
        let (Some(first), Some(rebuilt)) = (ops.first(), rebuilt) else {
            return Ok(false);
        };
        let Rebuilt { summary, seq, changes } = rebuilt;
        let tip = tip_of(&summary, &changes)?;
        let args: [Arg; 12] = [
            project.pg().into(),
            key.branch.as_str().into(),
            key.doc.as_str().into(),
            first.doc_id.pg().into(),
            summary.heads.to_texts().into(),
            summary.deleted.to_texts().into(),
            summary.changes.into(),
            summary.bytes.into(),
            summary.ops.into(),
            (summary.max_op as i64).into(),
            seq.pg().into(),
            tip.map(Json).into(),
        ];
        db::writes(SQL, &args)
    }

    fn delete_logged(&self, project: ProjectId) -> Result<()> {
        db::exec("DELETE FROM quire_store.doc_op WHERE project_id = $1", &[project.pg().into()])?;
        db::exec("DELETE FROM quire_store.doc_pack WHERE project_id = $1", &[project.pg().into()])?;
        db::exec("DELETE FROM quire_store.doc_change WHERE project_id = $1", &[project.pg().into()])
    }
}

/// The numbers of documents, as their first operations say.
fn numbers(ops: &BTreeMap<DocKey, Vec<OpRow>>) -> BTreeMap<DocKey, DocId> {
    ops.iter().filter_map(|(key, ops)| Some((key.clone(), ops.first()?.doc_id))).collect()
}

/// What a document is that its branch has from others, as the log alone tells.
fn inherited(project: ProjectId, key: &DocKey) -> Result<Option<DocHead>> {
    match key.branch.as_str() {
        DocKey::MAIN => Ok(None),
        _ => Lineages::logged(project, docs(project)?)?.inherited(key),
    }
}

/// The documents that were ever written, each on each branch where that was, and their numbers.
fn docs(project: ProjectId) -> Result<BTreeMap<DocKey, DocId>> {
    const SQL: &str =
        "SELECT DISTINCT ON (o.branch, o.doc) o.branch, o.doc, o.doc_id FROM quire_store.doc_op o
        WHERE o.project_id = $1 ORDER BY o.branch, o.doc, o.bundle_seq, o.ordinal";
    let found = db::read(SQL, &[project.pg().into()], |row| {
        Ok((DocKey { branch: row.get("branch")?, doc: row.get("doc")? }, row.get("doc_id")?))
    })?;
    Ok(found.into_iter().collect())
}

/// A document, as operations tell of it.
fn state_of(project: ProjectId, head: DocHead) -> Result<DocState> {
    let hashes = hashes(project, &head.line, head.summary.changes)?;
    Ok(DocState::of(hashes, head.summary.heads, &head.summary.deleted))
}

/// What the row of an operation says beside it.
struct OpRow {
    seq: Seq,
    ordinal: i32,
    is_deletion: bool,
    doc_id: DocId,
    first_place: i64,
    count: i64,
    heads: Vec<String>,
    /// Changes, bytes and operations of the document then, and the number of the last one.
    totals: [i64; 4],
    found: Option<Hash>,
}

/// Operations in log order: of a document, or all.
fn op_rows(project: ProjectId, of: Option<&DocKey>) -> Result<Vec<(DocKey, OpRow)>> {
    const SQL: &str = "SELECT o.bundle_seq, o.ordinal, o.op, o.branch, o.doc, o.doc_id, o.first_place, o.change_count, o.heads,
            o.total_changes, o.total_bytes, o.total_ops, o.max_op, o::text AS found
        FROM quire_store.doc_op o
        WHERE o.project_id = $1 AND o.branch = COALESCE($2, o.branch) AND o.doc = COALESCE($3, o.doc)
        ORDER BY o.bundle_seq, o.ordinal";
    let (branch, doc) = (of.map(|key| key.branch.as_str()), of.map(|key| key.doc.as_str()));
    db::read(SQL, &[project.pg().into(), branch.into(), doc.into()], |row| {
        let key = DocKey { branch: row.get("branch")?, doc: row.get("doc")? };
        let op = OpRow {
            seq: row.get("bundle_seq")?,
            ordinal: row.get("ordinal")?,
            is_deletion: row.get::<&str>("op")? == "doc.delete",
            doc_id: row.get("doc_id")?,
            first_place: row.get("first_place")?,
            count: row.get::<i32>("change_count")?.into(),
            heads: row.get("heads")?,
            totals: [
                row.get("total_changes")?,
                row.get("total_bytes")?,
                row.get("total_ops")?,
                row.get("max_op")?,
            ],
            found: found(row)?,
        };
        Ok((key, op))
    })
}

/// The document that an operation is about, and where its changes are.
fn op_row(project: ProjectId, seq: Seq, ordinal: i32) -> Result<Option<(DocKey, DocId, i64)>> {
    const SQL: &str = "SELECT o.branch, o.doc, o.doc_id, o.first_place FROM quire_store.doc_op o
        WHERE o.project_id = $1 AND o.bundle_seq = $2 AND o.ordinal = $3";
    db::read_one(SQL, &[project.pg().into(), seq.pg().into(), ordinal.into()], |row| {
        let key = DocKey { branch: row.get("branch")?, doc: row.get("doc")? };
        Ok((key, row.get("doc_id")?, row.get("first_place")?))
    })
}

/// What the operations on a document make of it.
struct Rebuilt {
    summary: DocSummary,
    seq: Seq,
    changes: Vec<DocChange>,
}

/// Goes through the operations on a document, behind what its branch has from others, and adds the rows that do not follow; `None` when
/// one of its changes cannot be read.
fn rebuild(
    project: ProjectId,
    key: &DocKey,
    base: Option<&DocHead>,
    ops: &[OpRow],
    strays: &mut Vec<Stray>,
) -> Result<Option<Rebuilt>> {
    let Some(first) = ops.first() else { return Ok(None) };
    let rows = change_rows(project, first.doc_id)?;
    let mut changes = match base {
        // What is wrong with it is found where it is.
        Some(base) => match super::changes(project, &base.line, 0, base.summary.changes) {
            Err(error) if error.code() == Code::Corrupt => return Ok(None),
            changes => changes?,
        },
        None => Vec::new(),
    };
    // Counted anew: the row that says it may be wrong, which is found where it is.
    let mut summary = DocSummary::default();
    summary.append(&changes, &DocLimits::LARGEST)?;
    if let Some(base) = base {
        summary.delete(&base.summary.deleted);
    }
    let mut rest = rows.into_iter();
    for op in ops {
        let own: Vec<ChangeRow> = rest.by_ref().take(usize::try_from(op.count).unwrap_or_default()).collect();
        let is_in_place = op.is_deletion
            || op.first_place == summary.changes + 1
                && own.iter().zip(op.first_place..).all(|(row, at)| row.place == at);
        let is_sound = own.iter().all(|row| row.is_sound);
        let is_whole = own.len() as i64 == op.count;
        let Some(own) = own.into_iter().map(|row| row.change).collect::<Option<Vec<DocChange>>>() else {
            return Ok(None);
        };
        summary.append(&own, &DocLimits::LARGEST)?;
        changes.extend(own);
        let is_right = match op.is_deletion {
            true => Heads::parse("heads", &op.heads).is_ok_and(|heads| {
                summary.delete(&heads);
                true
            }),
            false => op.heads == summary.heads.to_texts(),
        };
        let is_right = is_right
            && op.totals == [summary.changes, summary.bytes, summary.ops, summary.max_op.cast_signed()];
        if !(is_in_place && is_sound && is_whole && is_right && op.doc_id == first.doc_id) {
            strays.push(Stray {
                kind: RowKind::Logged(Topic::Doc),
                key: json!({"seq": op.seq, "ordinal": op.ordinal}),
                seq: Some(op.seq),
                found: op.found,
                description: format!(
                    "operation {} of bundle {} on {key} does not say where its changes are and what they make of it",
                    op.ordinal, op.seq
                ),
            });
        }
    }
    Ok(ops.last().map(|last| Rebuilt { summary, seq: last.seq, changes }))
}

/// A row of current state that is not what the operations make of the document.
fn stray_head(
    project: ProjectId,
    key: &DocKey,
    ops: &[OpRow],
    rebuilt: &Rebuilt,
    row: &Result<HeadRow>,
) -> Result<Option<Stray>> {
    const SQL: &str = "SELECT d.tip IS NOT NULL AS has_tip, d::text AS found,
            (d.actor_id, d.updated_at) IS DISTINCT FROM (b.actor_id, b.committed_at) AS is_stray
        FROM quire_store.doc_head d
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = d.seq OFFSET 0) b ON true
        WHERE d.project_id = $1 AND d.branch = $2 AND d.doc = $3";
    // Compared as it is stored: PostgreSQL writes some numbers otherwise than Rust does.
    const HAS_TIP: &str = "SELECT d.doc FROM quire_store.doc_head d
        WHERE d.project_id = $1 AND d.branch = $2 AND d.doc = $3 AND d.tip = $4";
    let args = || -> [Arg; 3] { [project.pg().into(), key.branch.as_str().into(), key.doc.as_str().into()] };
    let beside = db::read_one(SQL, &args(), |row| {
        Ok((row.get::<bool>("has_tip")?, found(row)?, row.get::<bool>("is_stray")?))
    })?;
    let Some((has_tip, found, is_stray)) = beside else { return Ok(None) };
    // Whether it is kept is a setting's choice.
    let is_tip_right = match has_tip {
        false => true,
        true => {
            match Loaded::of(&rebuilt.changes).and_then(|loaded| loaded.to_json(None, &DocLimits::LARGEST)) {
                Ok(right) => {
                    let right: Arg = Json(right).into();
                    db::finds(HAS_TIP, &args().into_iter().chain([right]).collect::<Vec<_>>())?
                }
                Err(_) => false,
            }
        }
    };
    let is_as_made = row.as_ref().is_ok_and(|(doc, summary, seq)| {
        let first = ops.first().map(|first| first.doc_id);
        (first, &rebuilt.summary, rebuilt.seq) == (Some(*doc), summary, *seq)
    });
    let is_right = is_as_made && is_tip_right && !is_stray;
    Ok((!is_right).then(|| Stray {
        kind: RowKind::Current(Topic::Doc),
        description: format!("{key} is not what its operations make of it"),
        key: json!(key),
        seq: Some(rebuilt.seq),
        found,
    }))
}

/// What a document holds, if that is to be kept.
fn tip_of(summary: &DocSummary, changes: &[DocChange]) -> Result<Option<Value>> {
    if summary.bytes > guc::doc_tip_bytes() {
        return Ok(None);
    }
    let most = DocLimits { max_json_bytes: guc::doc_tip_bytes() as usize, ..DocLimits::LARGEST };
    Ok(Loaded::of(changes).and_then(|loaded| loaded.to_json(None, &most)).ok())
}
