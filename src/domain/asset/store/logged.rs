//! SQL of what the log tells, and of verification and repair: what the rows of assets tell, what does not follow, and how it is written again.

use super::label_from_row;
use crate::db::{self, Arg, Row};
use crate::domain::asset::Assets;
use crate::domain::interface::{Logged, StoredOp, Stray, Written, found, key_text};
use crate::ids::{Pg, ProjectId, Seq};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::op::{AssetOp, Change, Kept, Op, State, Topic, Write};
use quire_core::quarantine::RowKind;
use serde_json::{Value, json};

impl Logged for Assets {
    fn logged_kind(&self) -> RowKind {
        RowKind::Logged(Topic::Asset)
    }

    fn logged(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, StoredOp)>> {
        // A deletion's row says again what the one before it said.
        const SQL: &str = "SELECT o.bundle_seq, o.ordinal, o.op, o.content_hash, o.filename, o.media_type, o.asset_type, o.size,
                o.reason, o.op_checksum, o.op = 'asset.delete' AND NOT EXISTS (
                    SELECT FROM (SELECT * FROM quire_store.asset_op p
                                 WHERE p.project_id = $1 AND p.content_hash = o.content_hash
                                   AND (p.bundle_seq, p.ordinal) < (o.bundle_seq, o.ordinal)
                                 ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) b
                    WHERE (b.filename, b.media_type, b.asset_type, b.size) = (o.filename, o.media_type, o.asset_type, o.size)) AS says_otherwise
            FROM quire_store.asset_op o
            WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3
            ORDER BY o.bundle_seq, o.ordinal";
        db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
            let op = op_from_row(row)?.map(Op::Asset);
            let stored = row.hash_if_any("op_checksum")?;
            Ok((
                row.get("bundle_seq")?,
                StoredOp { ordinal: row.get("ordinal")?, kind: RowKind::Logged(Topic::Asset), op, stored },
            ))
        })
    }

    fn written(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<Written>> {
        const SQL: &str = "SELECT o.bundle_seq, o.ordinal, b.bundle_id, o.content_hash, o.filename, o.media_type, o.asset_type, o.size,
                o.op = 'asset.put' AS is_kept
            FROM quire_store.asset_op o
            LEFT JOIN LATERAL (
                SELECT p.bundle_seq FROM quire_store.asset_op p
                WHERE p.project_id = $1 AND p.content_hash = o.content_hash
                  AND (p.bundle_seq, p.ordinal) < (o.bundle_seq, o.ordinal)
                ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) p ON true
            LEFT JOIN LATERAL (
                SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = p.bundle_seq OFFSET 0) b ON true
            WHERE o.project_id = $1 AND o.bundle_seq > $2 AND o.bundle_seq <= $3";
        db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
            let kept = match row.get("is_kept")? {
                true => Some(Kept { label: label_from_row(row)?, size: row.get("size")? }),
                false => None,
            };
            let change = Change::Asset(row.get("content_hash")?, kept);
            let base = row.opt("bundle_id")?;
            Ok(Written {
                seq: row.get("bundle_seq")?,
                ordinal: row.get("ordinal")?,
                write: Write { change, base },
            })
        })
    }

    fn add_state_at(&self, project: ProjectId, seq: Seq, state: &mut State) -> Result<()> {
        const SQL: &str =
            "SELECT DISTINCT ON (o.content_hash) o.content_hash, o.filename, o.media_type, o.asset_type, o.size,
                o.op = 'asset.delete' AS is_deleted
            FROM quire_store.asset_op o WHERE o.project_id = $1 AND o.bundle_seq <= $2
            ORDER BY o.content_hash, o.bundle_seq DESC, o.ordinal DESC";
        let assets = db::read(SQL, &[project.pg().into(), seq.pg().into()], asset_from_row)?;
        state.assets.extend(assets.into_iter().flatten());
        Ok(())
    }

    fn add_current_state(&self, project: ProjectId, state: &mut State) -> Result<()> {
        const SQL: &str =
            "SELECT a.content_hash, a.filename, a.media_type, a.asset_type, a.size, a.is_deleted
            FROM quire_store.asset a WHERE a.project_id = $1";
        let assets = db::read(SQL, &[project.pg().into()], asset_from_row)?;
        state.assets.extend(assets.into_iter().flatten());
        Ok(())
    }

    /// Assets that are not what their newest operation says.
    fn strays(&self, project: ProjectId) -> Result<Vec<Stray>> {
        const SQL: &str = "SELECT encode(a.content_hash, 'hex') AS content_hash, p.bundle_seq, a::text AS found FROM quire_store.asset a
            LEFT JOIN LATERAL (
                SELECT * FROM quire_store.asset_op o WHERE o.project_id = $1 AND o.content_hash = a.content_hash
                ORDER BY o.bundle_seq DESC, o.ordinal DESC LIMIT 1) p ON true
            LEFT JOIN LATERAL (
                SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = p.bundle_seq OFFSET 0) b ON true
            WHERE a.project_id = $1
              AND (p.filename, p.media_type, p.asset_type, p.size, p.op = 'asset.delete', p.reason, p.bundle_seq, b.actor_id,
                   b.committed_at)
                  IS DISTINCT FROM (a.filename, a.media_type, a.asset_type, a.size, a.is_deleted, a.delete_reason, a.seq,
                   a.actor_id, a.updated_at)
            ORDER BY a.content_hash";
        db::read(SQL, &[project.pg().into()], |row| {
            let hash: String = row.get("content_hash")?;
            Ok(Stray {
                kind: RowKind::Current(Topic::Asset),
                description: format!("asset {hash} is not what its newest operation says"),
                key: json!({"content_hash": hash}),
                seq: row.opt("bundle_seq")?,
                found: found(row)?,
            })
        })
    }

    fn repair_op(&self, project: ProjectId, seq: Seq, ordinal: i32, op: &Op) -> Result<()> {
        const PUT: &str = "UPDATE quire_store.asset_op
            SET op = 'asset.put', content_hash = $4, filename = $5, media_type = $6, asset_type = $7, size = $8, reason = NULL
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
        // Its row says again what the one before it said.
        const DELETE: &str = "UPDATE quire_store.asset_op o
            SET op = 'asset.delete', content_hash = $4, reason = $5, filename = b.filename, media_type = b.media_type,
                asset_type = b.asset_type, size = b.size
            FROM (SELECT * FROM quire_store.asset_op p
                  WHERE p.project_id = $1 AND p.content_hash = $4 AND (p.bundle_seq, p.ordinal) < ($2, $3)
                  ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1) b
            WHERE o.project_id = $1 AND o.bundle_seq = $2 AND o.ordinal = $3";
        let Op::Asset(op) = op else { return Err(Error::internal("this is no operation on an asset")) };
        let mut args: Vec<Arg> = vec![project.pg().into(), seq.pg().into(), ordinal.into()];
        args.push(op.content_hash().as_bytes().as_slice().into());
        match op {
            AssetOp::Put { kept: Kept { label, size }, .. } => {
                let texts = [&label.filename, &label.media_type, &label.asset_type];
                args.extend(texts.map(|text| Arg::from(text.as_str())));
                args.push((*size).into());
                db::exec(PUT, &args)
            }
            AssetOp::Delete { reason, .. } => {
                args.push(reason.as_deref().into());
                db::exec(DELETE, &args)
            }
        }
    }

    fn repair_op_checksum(&self, project: ProjectId, seq: Seq, ordinal: i32, right: &Hash) -> Result<()> {
        const SQL: &str = "UPDATE quire_store.asset_op SET op_checksum = $4
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
        db::exec(
            SQL,
            &[project.pg().into(), seq.pg().into(), ordinal.into(), right.as_bytes().as_slice().into()],
        )
    }

    /// Makes an asset what its newest operation says; `false` when there is none.
    fn repair_current(&self, project: ProjectId, key: &Value) -> Result<bool> {
        const SQL: &str = "INSERT INTO quire_store.asset AS a (project_id, content_hash, filename, media_type, asset_type, size,
                is_deleted, delete_reason, seq, actor_id, updated_at)
            SELECT $1, p.content_hash, p.filename, p.media_type, p.asset_type, p.size, p.op = 'asset.delete', p.reason,
                p.bundle_seq, b.actor_id, b.committed_at
            FROM quire_store.asset_op p
            JOIN LATERAL (
                SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = p.bundle_seq OFFSET 0) b ON true
            WHERE p.project_id = $1 AND p.content_hash = $2
            ORDER BY p.bundle_seq DESC, p.ordinal DESC LIMIT 1
            ON CONFLICT (project_id, content_hash) DO UPDATE
            SET filename = EXCLUDED.filename, media_type = EXCLUDED.media_type, asset_type = EXCLUDED.asset_type,
                size = EXCLUDED.size, is_deleted = EXCLUDED.is_deleted, delete_reason = EXCLUDED.delete_reason,
                seq = EXCLUDED.seq, actor_id = EXCLUDED.actor_id, updated_at = EXCLUDED.updated_at
            RETURNING true";
        let hash = Hash::parse("content_hash", key_text(key, "content_hash")?)?;
        let args: [Arg; 2] = [project.pg().into(), hash.as_bytes().as_slice().into()];
        db::writes(SQL, &args)
    }

    fn missing_contents(&self, project: ProjectId) -> Result<Vec<Hash>> {
        const SQL: &str = "SELECT a.content_hash FROM quire_store.asset a
            WHERE a.project_id = $1 AND octet_length(a.content_hash) = 32
              AND NOT EXISTS (SELECT FROM quire_store.blob b WHERE b.project_id = $1 AND b.hash = a.content_hash)";
        db::read(SQL, &[project.pg().into()], |row| row.get("content_hash"))
    }

    fn size_of(&self, project: ProjectId, content: &Hash) -> Result<Option<i64>> {
        const SQL: &str =
            "SELECT a.size FROM quire_store.asset a WHERE a.project_id = $1 AND a.content_hash = $2";
        let args: [Arg; 2] = [project.pg().into(), content.as_bytes().as_slice().into()];
        db::read_one(SQL, &args, |row| row.get("size"))
    }

    fn delete_logged(&self, project: ProjectId) -> Result<()> {
        db::exec("DELETE FROM quire_store.asset_op WHERE project_id = $1", &[project.pg().into()])
    }
}

fn op_from_row(row: &Row) -> Result<Option<AssetOp>> {
    let Some(content_hash) =
        row.hash_if_any("content_hash")?.filter(|_| row.get("says_otherwise") == Ok(false))
    else {
        return Ok(None);
    };
    Ok(match row.get::<&str>("op")? {
        "asset.put" => {
            let kept = Kept { label: label_from_row(row)?, size: row.get("size")? };
            Some(AssetOp::Put { content_hash, kept })
        }
        "asset.delete" => Some(AssetOp::Delete { content_hash, reason: row.opt("reason")? }),
        _ => None,
    })
}

fn asset_from_row(row: &Row) -> Result<Option<(Hash, Kept)>> {
    if row.get("is_deleted")? {
        return Ok(None);
    }
    let kept = Kept { label: label_from_row(row)?, size: row.get("size")? };
    Ok(Some((row.hash_if_any("content_hash")?.unwrap_or(Hash::ZERO), kept)))
}
