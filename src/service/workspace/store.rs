//! SQL of exports: the lines of an archive, as JSON.

use crate::blob;
use crate::db::clock::from_pg;
use crate::db::{self, Arg};
use crate::gate::store::called;
use crate::ids::{Pg, ProjectId, Seq};
use pgrx::JsonB;
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::timestamp::Micros;
use serde_json::Value;

/// The record of a project, its newest bundle, and when that was made.
pub fn project(project: ProjectId) -> Result<Option<(Value, Seq, Micros)>> {
    const SQL: &str = "SELECT jsonb_build_object('project_id', p.project_id, 'name', p.name, 'kind', p.kind,
            'visibility', p.visibility, 'status', p.status, 'settings', p.settings, 'created_by', p.created_by,
            'created_at', to_char(p.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
            'seq', h.seq, 'checksum', encode(h.checksum, 'hex'), 'file_count', h.live_files, 'total_bytes', h.live_bytes) AS record,
            h.seq, h.committed_at
        FROM quire_store.project p
        JOIN quire_store.project_head h ON h.project_id = $1
        WHERE p.project_id = $1";
    db::read_one(SQL, &[project.pg().into()], |row| {
        Ok((row.get::<JsonB>("record")?.0, row.get("seq")?, from_pg(row.get("committed_at")?)))
    })
}

/// What is exported line by line.
#[derive(Clone, Copy)]
pub enum History {
    Bundles,
    Operations,
    Versions,
    Conflicts,
    Tags,
    Members,
}

impl History {
    /// In the order of the archive.
    pub const ALL: [History; 6] = [
        History::Bundles,
        History::Operations,
        History::Versions,
        History::Conflicts,
        History::Tags,
        History::Members,
    ];

    /// Its directory.
    pub const fn name(self) -> &'static str {
        match self {
            History::Bundles => "bundles",
            History::Operations => "operations",
            History::Versions => "versions",
            History::Conflicts => "conflicts",
            History::Tags => "tags",
            History::Members => "members",
        }
    }

    /// Whether it is read a few bundles at a time; the others are short.
    pub const fn is_long(self) -> bool {
        matches!(self, History::Bundles | History::Operations | History::Versions)
    }

    /// $1 the project, $2 after which seq, $3 up to which.
    const fn sql(self) -> &'static str {
        match self {
            History::Bundles => BUNDLES,
            History::Operations => OPERATIONS,
            History::Versions => VERSIONS,
            History::Conflicts => CONFLICTS,
            History::Tags => TAGS,
            History::Members => MEMBERS,
        }
    }
}

macro_rules! utc {
    ($time:literal) => {
        concat!("to_char(", $time, " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    };
}

/// The header is what the checksum covers: without undoes_seq where there is none.
const BUNDLES: &str = concat!(
    "SELECT jsonb_build_object('header', jsonb_build_object('project_id', b.project_id, 'seq', b.seq,
            'bundle_id', b.bundle_id, 'kind', b.kind, 'actor_id', b.actor_id, 'message', b.message,
            'correlation_id', b.correlation_id, 'base_seq', b.base_seq,
            'committed_at', (extract(epoch FROM b.committed_at) * 1000000)::bigint)
            || CASE WHEN b.undoes_seq IS NULL THEN '{}' ELSE jsonb_build_object('undoes_seq', b.undoes_seq) END,
        'author', ",
    called!("b.actor_id"),
    ", 'committed_at', ",
    utc!("b.committed_at"),
    ", 'op_count', b.op_count, 'prev_checksum', encode(b.prev_checksum, 'hex'),
        'checksum', encode(b.checksum, 'hex'), 'details', b.details) AS line
    FROM quire_store.bundle b
    WHERE b.project_id = $1 AND b.seq > $2 AND b.seq <= $3
    ORDER BY b.seq"
);

/// Without the operation, but for its name: its domain knows the form whose hash the checksum is. Nothing is nested deeper than where it
/// came in, or it could not be read.
const OPERATIONS: &str = "SELECT jsonb_build_object('seq', o.seq, 'ordinal', o.ordinal,
        'op', jsonb_build_object('op', o.op), 'checksum', o.checksum,
        'before', CASE WHEN o.op = 'entity.delete' THEN o.before -> 'fields' ELSE o.before END, 'after', o.after) AS line
    FROM quire.oplog o
    WHERE o.project_id = $1 AND o.seq > $2 AND o.seq <= $3
    ORDER BY o.seq, o.ordinal";

const VERSIONS: &str = concat!(
    "SELECT jsonb_build_object('file_path', h.file_path, 'version', f.version, 'seq', f.bundle_seq,
        'ordinal', f.ordinal, 'op', f.op, 'content_hash', encode(f.content_hash, 'hex'), 'size', f.size,
        'file_type', f.file_type, 'mode', f.mode, 'is_deleted', f.is_deleted, 'is_binary', f.is_binary,
        'moved_path', m.file_path, 'moved_version', f.moved_version, 'id', f.id,
        'parent_version_id', f.parent_version_id, 'committed_at', ",
    utc!("f.committed_at"),
    ") AS line
    FROM quire_store.project_files f
    JOIN LATERAL (
            SELECT * FROM quire_store.file_head h WHERE h.project_id = $1 AND h.file_id = f.file_id OFFSET 0) h ON true
    LEFT JOIN LATERAL (
            SELECT * FROM quire_store.file_head m WHERE m.project_id = $1 AND m.file_id = f.moved_file_id OFFSET 0) m ON true
    WHERE f.project_id = $1 AND f.bundle_seq > $2 AND f.bundle_seq <= $3
    ORDER BY f.bundle_seq, f.ordinal, f.is_deleted DESC, f.file_id"
);

const CONFLICTS: &str = concat!(
    "SELECT jsonb_build_object('conflict_id', n.conflict_id, 'ordinal', n.ordinal, 'event', n.event,
        'entity_type', c.entity_type, 'entity_id', c.entity_id, 'field', c.field, 'seq', n.seq,
        'actor', n.actor_id, 'author', ",
    called!("n.actor_id"),
    ", 'value', n.value,
        'is_unset', CASE WHEN n.event IN ('value', 'resolved') THEN n.value IS NULL END) AS line
    FROM quire_store.conflict_event n
    JOIN quire_store.conflict c ON c.project_id = $1 AND c.conflict_id = n.conflict_id
    WHERE n.project_id = $1 AND n.seq > $2 AND n.seq <= $3
    ORDER BY n.conflict_id, n.ordinal"
);

const TAGS: &str = concat!(
    "SELECT jsonb_build_object('tag', t.tag, 'seq', t.seq, 'created_by', t.created_by, 'author', ",
    called!("t.created_by"),
    ", 'created_at', ",
    utc!("t.created_at"),
    ") AS line
    FROM quire_store.project_tag t
    WHERE t.project_id = $1 AND t.seq >= $2 AND t.seq <= $3
    ORDER BY t.seq, t.tag"
);

const MEMBERS: &str = concat!(
    "SELECT jsonb_build_object('member', m.actor_id, 'display_name', ",
    called!("m.actor_id"),
    ", 'role', m.role,
        'added_by', m.added_by, 'added_at', ",
    utc!("m.added_at"),
    ") AS line
    FROM quire_store.membership m
    WHERE m.project_id = $1 AND $2 <= $3
    ORDER BY m.added_at, m.actor_id"
);

/// A content that a file or an asset has had.
pub struct ExportedContent {
    pub hash: Hash,
    pub size: i64,
    pub is_binary: bool,
    /// When it came.
    pub at: Micros,
    /// Why its bytes are not there, if they are not.
    pub gone: Option<blob::BlobRecord>,
}

/// Every content that files and assets have had up to a seq, by hash.
pub fn contents(project: ProjectId, seq: Seq) -> Result<Vec<ExportedContent>> {
    const SQL: &str = "SELECT DISTINCT ON (c.hash) c.hash, c.size AS content_size, c.is_binary, c.committed_at,
            b.state <> 0 AS is_gone, b.state, b.size, b.state_at, b.state_reason
        FROM (SELECT f.content_hash AS hash, f.size, f.is_binary, f.committed_at, f.bundle_seq, f.ordinal, 1 AS place
              FROM quire_store.project_files f
              WHERE f.project_id = $1 AND f.bundle_seq <= $2 AND f.content_hash IS NOT NULL
              UNION ALL
              SELECT o.content_hash, o.size, true, u.committed_at, o.bundle_seq, o.ordinal, 2
              FROM quire_store.asset_op o
              JOIN LATERAL (
            SELECT * FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = o.bundle_seq OFFSET 0) u ON true
              WHERE o.project_id = $1 AND o.bundle_seq <= $2 AND o.op = 'asset.put') c
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.blob b WHERE b.project_id = $1 AND b.hash = c.hash OFFSET 0) b ON true
        ORDER BY c.hash, c.place, c.bundle_seq, c.ordinal";
    db::read(SQL, &[project.pg().into(), seq.pg().into()], |row| {
        let is_gone = row.opt::<bool>("is_gone")?.unwrap_or(false);
        Ok(ExportedContent {
            hash: row.get("hash")?,
            size: row.get("content_size")?,
            is_binary: row.get("is_binary")?,
            at: from_pg(row.get("committed_at")?),
            gone: is_gone.then(|| blob::store::stored_from_row(row)).transpose()?,
        })
    })
}

/// Hands out lines of one kind after a seq and up to another.
pub fn lines(
    project: ProjectId,
    what: History,
    after: Seq,
    up_to: Seq,
    mut each: impl FnMut(Value) -> Result<()>,
) -> Result<()> {
    let args: [Arg; 3] = [project.pg().into(), after.pg().into(), up_to.pg().into()];
    db::read(what.sql(), &args, |row| each(row.get::<JsonB>("line")?.0)).map(drop)
}

/// Up to which seq there is as much as should be read at once; at least one bundle.
pub fn page_end(project: ProjectId, after: Seq, newest: Seq) -> Result<Seq> {
    const SQL: &str = "SELECT COALESCE(max(w.seq), $2 + 1) AS seq
        FROM (SELECT b.seq, sum(b.op_count * 1000 + COALESCE(
                  (SELECT sum(o.size) FROM quire_store.entity_op o
                   WHERE o.project_id = $1 AND o.bundle_seq = b.seq), 0)) OVER (ORDER BY b.seq) AS weight
              FROM quire_store.bundle b
              WHERE b.project_id = $1 AND b.seq > $2 AND b.seq <= LEAST($3, $2 + 1000)) w
        WHERE w.weight <= 16 << 20";
    let args: [Arg; 3] = [project.pg().into(), after.pg().into(), newest.pg().into()];
    Ok(db::read_one(SQL, &args, |row| row.get("seq"))?.unwrap_or(newest))
}
