//! SQL of peers.

use crate::blob::store::byte_array;
use crate::db::clock::pg_now;
use crate::db::{self, Arg, Row};
use crate::gate::store::called;
use crate::ids::{ActorId, BundleId, Pg, ProjectId, Seq};
use crate::log::Place;
use pgrx::JsonB;
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::mark::Mark;
use quire_core::peer::{Bundle, Stamp};
use serde_json::Value;
use std::collections::HashMap;

/// What is known of a peer.
#[derive(Clone)]
pub struct Exchange {
    /// Up to where it has our log.
    pub acked: Place,
    /// Up to where we have followed its log.
    pub checkpoint: Place,
}

impl Exchange {
    /// Nothing yet.
    pub fn begin() -> Self {
        let start = Place::new(Seq::ZERO, Mark::of(&Hash::ZERO));
        Self { acked: start.clone(), checkpoint: start }
    }

    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            acked: Place::kept(row.get("acked_seq")?, Some(row.get("acked_checksum")?))?,
            checkpoint: Place::kept(row.get("checkpoint")?, row.opt("checkpoint_checksum")?)?,
        })
    }
}

const EXCHANGE: &str =
    "SELECT p.acked_seq, p.acked_checksum, p.checkpoint, p.checkpoint_checksum FROM quire_store.peer p
    WHERE p.project_id = $1 AND p.peer = $2";

/// What is known of a peer, as the caller's snapshot sees it.
pub fn find(project: ProjectId, peer: &str) -> Result<Exchange> {
    let found = db::read_one(EXCHANGE, &[project.pg().into(), peer.into()], Exchange::from_row)?;
    Ok(found.unwrap_or_else(Exchange::begin))
}

/// The same under the head lock.
pub fn locked(project: ProjectId, peer: &str) -> Result<Exchange> {
    let found = db::write_one(EXCHANGE, &[project.pg().into(), peer.into()], Exchange::from_row)?;
    Ok(found.unwrap_or_else(Exchange::begin))
}

/// Moves what is known of a peer forward, never back.
pub fn advance(project: ProjectId, peer: &str, to: &Exchange) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.peer AS p
            (project_id, peer, acked_seq, acked_checksum, checkpoint, checkpoint_checksum, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (project_id, peer) DO UPDATE
        SET acked_seq = GREATEST(p.acked_seq, EXCLUDED.acked_seq),
            acked_checksum = CASE WHEN EXCLUDED.acked_seq > p.acked_seq THEN EXCLUDED.acked_checksum
                ELSE p.acked_checksum END,
            checkpoint = GREATEST(p.checkpoint, EXCLUDED.checkpoint),
            checkpoint_checksum = CASE WHEN EXCLUDED.checkpoint > p.checkpoint THEN EXCLUDED.checkpoint_checksum
                WHEN EXCLUDED.checkpoint = p.checkpoint THEN COALESCE(p.checkpoint_checksum, EXCLUDED.checkpoint_checksum)
                ELSE p.checkpoint_checksum END,
            updated_at = EXCLUDED.updated_at";
    db::exec(SQL, &exchange_args(project, peer, to)?)
}

/// Sets what is known of a peer to something else. Places of its log behind that are of no log any more.
pub fn set(project: ProjectId, peer: &str, to: &Exchange) -> Result<()> {
    const PLACES: &str = "UPDATE quire_store.peer_bundle SET peer_seq = NULL, peer_checksum = NULL
        WHERE project_id = $1 AND peer = $2 AND peer_seq > $3";
    let args: [Arg; 3] = [project.pg().into(), peer.into(), to.checkpoint.seq.pg().into()];
    db::exec(PLACES, &args)?;
    const SQL: &str = "UPDATE quire_store.peer
        SET acked_seq = $3, acked_checksum = $4, checkpoint = $5, checkpoint_checksum = $6, updated_at = $7
        WHERE project_id = $1 AND peer = $2";
    db::exec(SQL, &exchange_args(project, peer, to)?)
}

fn exchange_args<'a>(project: ProjectId, peer: &'a str, exchange: &'a Exchange) -> Result<[Arg<'a>; 7]> {
    let Exchange { acked, checkpoint } = exchange;
    Ok([
        project.pg().into(),
        peer.into(),
        acked.seq.pg().into(),
        acked.digits().into(),
        checkpoint.seq.pg().into(),
        checkpoint.digits().into(),
        pg_now()?.into(),
    ])
}

/// The newest place of a peer's log, up to a seq, of which we have the bundle; the beginning when there is none.
pub fn newest_place(project: ProjectId, peer: &str, last: Seq) -> Result<Place> {
    const SQL: &str = "SELECT p.peer_seq, p.peer_checksum FROM quire_store.peer_bundle p
        WHERE p.project_id = $1 AND p.peer = $2 AND p.peer_seq <= $3 ORDER BY p.peer_seq DESC LIMIT 1";
    let args: [Arg; 3] = [project.pg().into(), peer.into(), last.pg().into()];
    let found =
        db::write_one(SQL, &args, |row| Place::kept(row.get("peer_seq")?, row.opt("peer_checksum")?))?;
    Ok(found.unwrap_or_else(|| Exchange::begin().checkpoint))
}

/// Our seq of a bundle that was made elsewhere.
pub fn imported(project: ProjectId, bundle: BundleId) -> Result<Option<Seq>> {
    const SQL: &str =
        "SELECT p.seq FROM quire_store.peer_bundle p WHERE p.project_id = $1 AND p.bundle_id = $2";
    db::write_one(SQL, &[project.pg().into(), bundle.pg().into()], |row| row.get("seq"))
}

/// Id of a bundle of ours.
pub fn bundle_id(project: ProjectId, seq: Seq) -> Result<Option<BundleId>> {
    const SQL: &str = "SELECT b.bundle_id FROM quire_store.bundle b WHERE b.project_id = $1 AND b.seq = $2";
    db::write_one(SQL, &[project.pg().into(), seq.pg().into()], |row| row.get("bundle_id"))
}

/// Keeps that a bundle came from a peer, and its place in the log there.
pub fn remember(project: ProjectId, bundle: &Bundle, seq: Seq, peer: &str) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.peer_bundle (project_id, bundle_id, seq, peer, peer_seq, peer_checksum)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let standing = bundle.standing.as_ref();
    let args: [Arg; 6] = [
        project.pg().into(),
        bundle.header.bundle_id.pg().into(),
        seq.pg().into(),
        peer.into(),
        standing.map(|standing| standing.seq.pg()).into(),
        standing.map(|standing| standing.mark.as_str()).into(),
    ];
    db::exec(SQL, &args)
}

/// Keeps what an author is called elsewhere, as it was said last.
pub fn name_actor(project: ProjectId, actor: ActorId, display_name: &str) -> Result<()> {
    const SQL: &str =
        "INSERT INTO quire_store.peer_actor AS p (project_id, actor_id, display_name) VALUES ($1, $2, $3)
        ON CONFLICT (project_id, actor_id) DO UPDATE SET display_name = EXCLUDED.display_name
        WHERE p.display_name <> EXCLUDED.display_name";
    db::exec(SQL, &[project.pg().into(), actor.pg().into(), display_name.into()])
}

/// The stamps of some bundles, by seq: where they were made, which may have been elsewhere.
pub fn stamps(project: ProjectId, seqs: &[Seq]) -> Result<HashMap<Seq, Stamp>> {
    const SQL: &str = "SELECT b.seq, b.bundle_id,
            COALESCE((b.details #>> '{origin,header,committed_at}')::bigint,
                     (extract(epoch FROM b.committed_at) * 1000000)::bigint) AS made_at
        FROM unnest($2::bigint[]) AS w (seq)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = w.seq OFFSET 0) b";
    let seqs: Vec<i64> = seqs.iter().copied().map(Pg::pg).collect();
    let rows = db::write(SQL, &[project.pg().into(), seqs.into()], |row| {
        Ok((row.get("seq")?, (row.get("made_at")?, row.get("bundle_id")?)))
    })?;
    Ok(rows.into_iter().collect())
}

/// Bytes of those of some contents that are present.
pub fn present_bytes(project: ProjectId, hashes: &[Hash]) -> Result<i64> {
    const SQL: &str = "SELECT COALESCE(sum(b.size), 0)::bigint AS bytes FROM unnest($2::bytea[]) AS w (hash)
        CROSS JOIN LATERAL (
            SELECT f.size FROM quire_store.blob f
            WHERE f.project_id = $1 AND f.hash = w.hash AND f.state = 0 OFFSET 0) b";
    let args: [Arg; 2] = [project.pg().into(), byte_array(hashes)];
    Ok(db::read_one(SQL, &args, |row| row.get("bytes"))?.unwrap_or(0))
}

/// The writes that decided what some things are and left them as they were, by target.
pub fn seen_stamps(project: ProjectId, targets: &[String]) -> Result<HashMap<String, Stamp>> {
    const SQL: &str = "SELECT s.target, s.committed_at, s.bundle_id FROM unnest($2::text[]) AS w (target)
        CROSS JOIN LATERAL (
            SELECT * FROM quire_store.peer_stamp p WHERE p.project_id = $1 AND p.target = w.target OFFSET 0) s";
    let args: [Arg; 2] = [project.pg().into(), targets.to_vec().into()];
    let rows = db::write(SQL, &args, |row| {
        Ok((row.get::<String>("target")?, (row.get("committed_at")?, row.get("bundle_id")?)))
    })?;
    Ok(rows.into_iter().collect())
}

/// Keeps that a write decided what some things are, though it left them as they were.
pub fn keep_stamp(project: ProjectId, targets: &[String], stamp: Stamp) -> Result<()> {
    const SQL: &str = "INSERT INTO quire_store.peer_stamp AS p (project_id, target, committed_at, bundle_id)
        SELECT $1, w.target, $3, $4 FROM unnest($2::text[]) AS w (target)
        ON CONFLICT (project_id, target) DO UPDATE
        SET committed_at = EXCLUDED.committed_at, bundle_id = EXCLUDED.bundle_id";
    if targets.is_empty() {
        return Ok(());
    }
    let args: [Arg; 4] = [project.pg().into(), targets.to_vec().into(), stamp.0.into(), stamp.1.pg().into()];
    db::exec(SQL, &args)
}

/// What the header of a bundle does not tell: details, the author's name, the bundle it takes back.
pub struct More {
    pub details: Option<Value>,
    pub display_name: Option<String>,
    pub undoes: Option<BundleId>,
    /// The seq of that one where it was made.
    pub undoes_made_as: Option<Seq>,
}

/// More about bundles after a seq and up to another.
pub fn more(project: ProjectId, after: Seq, up_to: Seq) -> Result<HashMap<Seq, More>> {
    const SQL: &str = concat!(
        "SELECT b.seq, b.details, ",
        called!("b.actor_id"),
        " AS display_name, u.bundle_id AS undoes, COALESCE((u.details #>> '{origin,header,seq}')::bigint, u.seq) AS undoes_made_as
        FROM quire_store.bundle b
        LEFT JOIN LATERAL (
            SELECT * FROM quire_store.bundle u WHERE u.project_id = $1 AND u.seq = b.undoes_seq OFFSET 0) u ON true
        WHERE b.project_id = $1 AND b.seq > $2 AND b.seq <= $3"
    );
    let rows = db::read(SQL, &[project.pg().into(), after.pg().into(), up_to.pg().into()], |row| {
        let more = More {
            details: row.opt::<JsonB>("details")?.map(|details| details.0),
            display_name: row.opt("display_name")?,
            undoes: row.opt("undoes")?,
            undoes_made_as: row.opt("undoes_made_as")?,
        };
        Ok((row.get("seq")?, more))
    })?;
    Ok(rows.into_iter().collect())
}
