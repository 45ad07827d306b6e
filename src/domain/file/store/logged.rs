//! SQL of what the log tells, and of verification and repair: what the rows of files tell, what does not follow, and how it is written again.

use crate::db::{self, Arg, Row};
use crate::domain::file::Files;
use crate::domain::interface::{Logged, StoredOp, Stray, Written, found, key_text};
use crate::ids::{Pg, ProjectId, Seq};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::mode::Mode;
use quire_core::op::{Change, File, FileOp, Op, State, Topic, Write};
use quire_core::path::FilePath;
use quire_core::quarantine::RowKind;
use quire_core::text::shorten;
use serde_json::{Value, json};

impl Logged for Files {
    fn logged_kind(&self) -> RowKind {
        RowKind::Logged(Topic::File)
    }

    fn logged(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<(Seq, StoredOp)>> {
        const SQL: &str = "SELECT f.bundle_seq, f.ordinal, f.op, h.file_path, m.file_path AS moved_path, f.file_type, f.mode,
                f.content_hash, f.size, f.op_checksum
            FROM quire_store.project_files f
            LEFT JOIN LATERAL (
                SELECT * FROM quire_store.file_head h WHERE h.project_id = $1 AND h.file_id = f.file_id OFFSET 0) h ON true
            LEFT JOIN LATERAL (
                SELECT * FROM quire_store.file_head m WHERE m.project_id = $1 AND m.file_id = f.moved_file_id OFFSET 0) m ON true
            WHERE f.project_id = $1 AND f.bundle_seq > $2 AND f.bundle_seq <= $3
              AND NOT (f.op = 'file.move' AND f.op_checksum IS NULL)
            ORDER BY f.bundle_seq, f.ordinal";
        db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
            let op = op_from_row(row)?.map(Op::File);
            let stored = row.hash_if_any("op_checksum")?;
            Ok((
                row.get("bundle_seq")?,
                StoredOp { ordinal: row.get("ordinal")?, kind: RowKind::Logged(Topic::File), op, stored },
            ))
        })
    }

    fn written(&self, project: ProjectId, after: Seq, up_to: Seq) -> Result<Vec<Written>> {
        const SQL: &str = "SELECT f.bundle_seq, f.ordinal, b.bundle_id, h.file_path, f.content_hash, f.file_type, f.mode, f.size
            FROM quire_store.project_files f
            CROSS JOIN LATERAL (
                SELECT * FROM quire_store.file_head h WHERE h.project_id = $1 AND h.file_id = f.file_id OFFSET 0) h
            LEFT JOIN LATERAL (
                SELECT * FROM quire_store.project_files p WHERE p.project_id = $1 AND p.file_id = f.file_id AND p.version = f.version - 1 OFFSET 0) p ON true
            LEFT JOIN LATERAL (
                SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = p.bundle_seq OFFSET 0) b ON true
            WHERE f.project_id = $1 AND f.bundle_seq > $2 AND f.bundle_seq <= $3";
        db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
            let file = match row.opt("content_hash")? {
                Some(content_hash) => Some(File {
                    content_hash,
                    file_type: row.get("file_type")?,
                    mode: Mode::parse(row.get("mode")?)?,
                    size: row.get("size")?,
                }),
                None => None,
            };
            let change = Change::File(FilePath::from_stored(row.get("file_path")?), file);
            let base = row.opt("bundle_id")?;
            Ok(Written {
                seq: row.get("bundle_seq")?,
                ordinal: row.get("ordinal")?,
                write: Write { change, base },
            })
        })
    }

    fn add_state_at(&self, project: ProjectId, seq: Seq, state: &mut State) -> Result<()> {
        const SQL: &str = "SELECT h.file_path, f.content_hash, f.file_type, f.mode, f.size
            FROM quire_store.file_head h
            CROSS JOIN LATERAL (
                SELECT * FROM quire_store.project_files v
                WHERE v.project_id = $1 AND v.file_id = h.file_id AND v.bundle_seq <= $2
                ORDER BY v.bundle_seq DESC, v.version DESC LIMIT 1) f
            WHERE h.project_id = $1 AND NOT f.is_deleted";
        state.files.extend(db::read(SQL, &[project.pg().into(), seq.pg().into()], file_from_row)?);
        Ok(())
    }

    fn add_current_state(&self, project: ProjectId, state: &mut State) -> Result<()> {
        const SQL: &str = "SELECT h.file_path, h.content_hash, h.file_type, h.mode, h.size
            FROM quire_store.file_head h WHERE h.project_id = $1 AND NOT h.is_deleted";
        state.files.extend(db::read(SQL, &[project.pg().into()], file_from_row)?);
        Ok(())
    }

    fn strays(&self, project: ProjectId) -> Result<Vec<Stray>> {
        let mut strays = stray_versions(project)?;
        strays.extend(stray_heads(project)?);
        Ok(strays)
    }

    fn repair_op(&self, project: ProjectId, seq: Seq, ordinal: i32, op: &Op) -> Result<()> {
        const PUT: &str = "UPDATE quire_store.project_files
            SET op = 'file.put', file_type = $4, mode = $5, content_hash = $6, size = $7, is_deleted = false
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
        const DELETE: &str = "UPDATE quire_store.project_files
            SET op = 'file.delete', content_hash = NULL, size = 0, is_deleted = true, is_binary = false
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
        const MOVE: &str = "UPDATE quire_store.project_files SET op = 'file.move'
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3";
        const PATH: &str = "UPDATE quire_store.file_head h SET file_path = $4
            FROM quire_store.project_files f
            WHERE f.project_id = $1 AND f.bundle_seq = $2 AND f.ordinal = $3 AND f.is_deleted = $5
              AND h.project_id = $1 AND h.file_id = f.file_id AND h.file_path <> $4";
        let Op::File(op) = op else { return Err(Error::internal("this is no operation on a file")) };
        let row = || -> Vec<Arg> { vec![project.pg().into(), seq.pg().into(), ordinal.into()] };
        let path = |path: &FilePath, is_deleted: bool| {
            let mut args = row();
            args.extend([path.as_str().into(), is_deleted.into()]);
            db::exec(PATH, &args)
        };
        match op {
            FileOp::Put { file_path, file } => {
                let mut args = row();
                args.extend([
                    file.file_type.as_str().into(),
                    file.mode.as_str().into(),
                    file.content_hash.as_bytes().as_slice().into(),
                    file.size.into(),
                ]);
                db::exec(PUT, &args)?;
                path(file_path, false)
            }
            FileOp::Delete { file_path } => {
                db::exec(DELETE, &row())?;
                path(file_path, true)
            }
            FileOp::Move { from_path, to_path } => {
                db::exec(MOVE, &row())?;
                path(from_path, true)?;
                path(to_path, false)
            }
        }
    }

    fn repair_op_checksum(&self, project: ProjectId, seq: Seq, ordinal: i32, right: &Hash) -> Result<()> {
        const SQL: &str = "UPDATE quire_store.project_files SET op_checksum = $4
            WHERE project_id = $1 AND bundle_seq = $2 AND ordinal = $3 AND op_checksum IS NOT NULL";
        db::exec(
            SQL,
            &[project.pg().into(), seq.pg().into(), ordinal.into(), right.as_bytes().as_slice().into()],
        )
    }

    /// Makes of a version what its bundle, the version before and the one that was moved say.
    fn repair_logged_row(&self, project: ProjectId, seq: Seq, ordinal: i32) -> Result<bool> {
        const SQL: &str = "UPDATE quire_store.project_files f
            SET committed_at = n.committed_at, parent_version_id = n.parent, is_deleted = n.content_hash IS NULL,
                content_hash = n.content_hash, size = n.size, mode = n.mode, is_binary = n.is_binary
            FROM (SELECT v.file_id, b.committed_at, p.id AS parent,
                      CASE WHEN i.is_move THEN m.content_hash ELSE v.content_hash END AS content_hash,
                      CASE WHEN i.is_move THEN m.size ELSE v.size END AS size,
                      CASE WHEN i.is_move THEN m.mode ELSE v.mode END AS mode,
                      CASE WHEN i.is_move THEN m.is_binary ELSE v.is_binary END AS is_binary
                  FROM quire_store.project_files v
                  JOIN LATERAL (
                SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = v.bundle_seq OFFSET 0) b ON true
                  LEFT JOIN LATERAL (
                SELECT * FROM quire_store.project_files p WHERE p.project_id = $1 AND p.file_id = v.file_id AND p.version = v.version - 1 OFFSET 0) p ON true
                  LEFT JOIN LATERAL (
                SELECT * FROM quire_store.project_files m WHERE m.project_id = $1 AND m.file_id = v.moved_file_id AND m.version = v.moved_version OFFSET 0) m ON true
                  CROSS JOIN LATERAL (
                      -- Of the two rows of a move, the one that is no tombstone.
                      SELECT v.op = 'file.move' AND v.op_checksum IS NOT NULL AND m.content_hash IS NOT NULL AS is_move) i
                  WHERE v.project_id = $1 AND v.bundle_seq = $2 AND v.ordinal = $3) n
            WHERE f.project_id = $1 AND f.bundle_seq = $2 AND f.ordinal = $3 AND f.file_id = n.file_id";
        db::exec(SQL, &[project.pg().into(), seq.pg().into(), ordinal.into()])?;
        Ok(true)
    }

    /// Makes the head of a path what its newest version says; `false` when there is no head or no version.
    fn repair_current(&self, project: ProjectId, key: &Value) -> Result<bool> {
        const SQL: &str = "UPDATE quire_store.file_head h
            SET version = f.version, version_id = f.id, parent_version_id = f.parent_version_id, seq = f.bundle_seq,
                updated_at = f.committed_at, file_type = f.file_type, mode = f.mode, content_hash = f.content_hash,
                size = f.size, is_deleted = f.is_deleted, is_binary = f.is_binary, created_by = o.actor_id,
                created_at = o.committed_at
            FROM quire_store.file_head p
            CROSS JOIN LATERAL (
                SELECT * FROM quire_store.project_files v WHERE v.project_id = $1 AND v.file_id = p.file_id
                ORDER BY v.version DESC LIMIT 1) f
            CROSS JOIN LATERAL (
                SELECT b.actor_id, b.committed_at FROM quire_store.project_files v
                JOIN LATERAL (
                SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = v.bundle_seq OFFSET 0) b ON true
                WHERE v.project_id = $1 AND v.file_id = p.file_id AND v.version = 1) o
            WHERE h.project_id = $1 AND h.file_path = $2 AND p.project_id = $1 AND p.file_path = $2
            RETURNING true";
        let args: [Arg; 2] = [project.pg().into(), key_text(key, "file_path")?.into()];
        db::writes(SQL, &args)
    }

    fn missing_contents(&self, project: ProjectId) -> Result<Vec<Hash>> {
        const SQL: &str = "SELECT DISTINCT f.content_hash FROM quire_store.project_files f
            WHERE f.project_id = $1 AND octet_length(f.content_hash) = 32
              AND NOT EXISTS (SELECT FROM quire_store.blob b WHERE b.project_id = $1 AND b.hash = f.content_hash)";
        db::read(SQL, &[project.pg().into()], |row| row.get("content_hash"))
    }

    fn size_of(&self, project: ProjectId, content: &Hash) -> Result<Option<i64>> {
        const SQL: &str = "SELECT f.size FROM quire_store.project_files f
            WHERE f.project_id = $1 AND f.content_hash = $2 LIMIT 1";
        let args: [Arg; 2] = [project.pg().into(), content.as_bytes().as_slice().into()];
        db::read_one(SQL, &args, |row| row.get("size"))
    }

    fn delete_logged(&self, project: ProjectId) -> Result<()> {
        db::exec("DELETE FROM quire_store.project_files WHERE project_id = $1", &[project.pg().into()])
    }
}

fn op_from_row(row: &Row) -> Result<Option<FileOp>> {
    let Some(file_path) = row.opt("file_path")?.map(FilePath::from_stored) else { return Ok(None) };
    Ok(match row.get::<&str>("op")? {
        "file.put" => match (row.hash_if_any("content_hash")?, Mode::parse(row.get("mode")?)) {
            (Some(content_hash), Ok(mode)) => {
                let file =
                    File { content_hash, file_type: row.get("file_type")?, mode, size: row.get("size")? };
                Some(FileOp::Put { file_path, file })
            }
            _ => None,
        },
        "file.delete" => Some(FileOp::Delete { file_path }),
        "file.move" => row.opt("moved_path")?.map(|from_path| FileOp::Move {
            from_path: FilePath::from_stored(from_path),
            to_path: file_path,
        }),
        _ => None,
    })
}

fn file_from_row(row: &Row) -> Result<(FilePath, File)> {
    let file = File {
        content_hash: row.hash_if_any("content_hash")?.unwrap_or(Hash::ZERO),
        file_type: row.get("file_type")?,
        mode: Mode::parse(row.get("mode")?).unwrap_or_default(),
        size: row.get("size")?,
    };
    Ok((FilePath::from_stored(row.get("file_path")?), file))
}

/// Versions of which something that is not in their operation does not follow from their bundle, the version before, or, after a move,
/// the one that was moved.
fn stray_versions(project: ProjectId) -> Result<Vec<Stray>> {
    const SQL: &str = "SELECT f.ordinal, f.bundle_seq, string_agg(f::text, '' ORDER BY f.file_id) AS found
        FROM quire_store.project_files f
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = f.bundle_seq OFFSET 0) b ON true
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.project_files p WHERE p.project_id = $1 AND p.file_id = f.file_id AND p.version = f.version - 1 OFFSET 0) p ON true
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.project_files m WHERE m.project_id = $1 AND m.file_id = f.moved_file_id AND m.version = f.moved_version OFFSET 0) m ON true
        WHERE f.project_id = $1
          AND (f.committed_at <> b.committed_at
               OR f.parent_version_id IS DISTINCT FROM p.id
               OR f.is_deleted <> (f.content_hash IS NULL)
               OR f.op = 'file.move' AND f.op_checksum IS NOT NULL
                  AND (f.content_hash, f.size, f.mode, f.is_binary)
                      IS DISTINCT FROM (m.content_hash, m.size, m.mode, m.is_binary))
        GROUP BY f.bundle_seq, f.ordinal
        ORDER BY f.bundle_seq, f.ordinal";
    db::read(SQL, &[project.pg().into()], |row| {
        let (ordinal, seq): (i32, Option<Seq>) = (row.get("ordinal")?, row.opt("bundle_seq")?);
        Ok(Stray {
            kind: RowKind::Logged(Topic::File),
            key: json!({"seq": seq, "ordinal": ordinal}),
            seq,
            found: found(row)?,
            description: format!(
                "the row of operation {ordinal} of bundle {} does not follow from others",
                seq.unwrap_or_default()
            ),
        })
    })
}

/// Paths whose head is not what their newest version says, or whose first version was made by another.
fn stray_heads(project: ProjectId) -> Result<Vec<Stray>> {
    const SQL: &str = "SELECT h.file_path, f.bundle_seq, h::text AS found FROM quire_store.file_head h
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.project_files v WHERE v.project_id = $1 AND v.file_id = h.file_id
            ORDER BY v.version DESC LIMIT 1) f ON true
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.project_files o WHERE o.project_id = $1 AND o.file_id = h.file_id AND o.version = 1 OFFSET 0) o ON true
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = o.bundle_seq OFFSET 0) b ON true
        WHERE h.project_id = $1
          AND (f.version, f.id, f.parent_version_id, f.bundle_seq, f.committed_at, f.file_type, f.mode, f.content_hash, f.size,
               f.is_deleted, f.is_binary, b.actor_id, b.committed_at)
              IS DISTINCT FROM (h.version, h.version_id, h.parent_version_id, h.seq, h.updated_at, h.file_type, h.mode,
               h.content_hash, h.size, h.is_deleted, h.is_binary, h.created_by, h.created_at)
        ORDER BY h.file_path";
    db::read(SQL, &[project.pg().into()], |row| {
        let path: String = row.get("file_path")?;
        Ok(Stray {
            kind: RowKind::Current(Topic::File),
            description: format!("{} is not what its newest version says", shorten(&path)),
            key: json!({"file_path": path}),
            seq: row.opt("bundle_seq")?,
            found: found(row)?,
        })
    })
}
