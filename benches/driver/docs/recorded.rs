//! A recorded session of typing: all of its changes, a hundred a transaction; what is stored of them then; and reading what was typed.

use crate::database::{Scratch, create_project};
use crate::measure::timed;
use crate::report::{Row, Unit};
use crate::trace::Trace;
use crate::{Bench, Result};
use automerge::{AutoCommit, Change};
use postgres::Client;
use std::path::Path;
use uuid::Uuid;

/// Changes of one transaction.
const AT_ONCE: usize = 100;
/// Reads of one measurement, of the past and of the state now.
const READS: usize = 10;

/// Measures it with the file of a recording.
pub fn rows(bench: &Bench, file: &Path) -> Result<Vec<Row>> {
    bench.say("docs: what was recorded, as transactions".to_owned());
    let scratch = bench.server.scratch("docs_recorded")?;
    let (mut client, mut superuser) = (scratch.client()?, scratch.superuser()?);
    let project = create_project(&mut client)?;
    let Trace { beginning, edits, mut copies, .. } = Trace::read(file)?;
    let changes: Vec<Vec<u8>> =
        beginning.into_iter().chain(edits.into_iter().map(|edit| edit.change)).collect();
    let raw: usize = changes.iter().map(Vec::len).sum();
    let saved = copies.pop().ok_or("nobody typed")?.save().len();
    let in_memory = timed(|| in_memory(&changes))?;
    let wal_before = wal(&mut superuser)?;
    let durable = timed(|| {
        let apply = client.prepare("SELECT quire.apply_doc_changes($1, 'd', $2)")?;
        changes.chunks(AT_ONCE).try_for_each(|some| client.execute(&apply, &[&project, &some]).map(drop))?;
        Ok(())
    })?;
    let wal = wal(&mut superuser)? - wal_before;
    let milliseconds = |what: &str, quire: Vec<f64>, baseline: Vec<f64>, goal| Row {
        what: format!("{what} of {}", changes.len()),
        unit: Unit::Milliseconds,
        quire,
        baseline,
        goal,
    };
    let bytes = |what: &str, quire: f64, baseline: f64| Row {
        what: what.to_owned(),
        unit: Unit::Bytes,
        quire: vec![quire],
        baseline: vec![baseline],
        goal: None,
    };
    let mut rows = vec![
        milliseconds(
            "all changes, 100 a transaction, against memory,",
            vec![durable],
            vec![in_memory],
            Some(0.67),
        ),
        bytes("write-ahead log of that, against the changes", wal, raw as f64),
        bytes("stored, indexes included, against the changes", stored(&mut superuser)?, raw as f64),
    ];
    let whole = "SELECT length(quire.read_doc($1, 'd') ->> 'text')";
    let load = in_memory_load(&mut client, project)?;
    rows.push(milliseconds(
        "read_doc, cold, against load,",
        cold(&scratch, project, whole)?,
        load.clone(),
        None,
    ));
    bench.say("docs: packing what was recorded".to_owned());
    client.execute("SELECT quire.pack_docs($1)", &[&project])?;
    rows.push(bytes(
        "stored, packed and with a snapshot, against save()",
        stored(&mut superuser)?,
        saved as f64,
    ));
    rows.push(milliseconds(
        "read_doc, packed, cold, against load,",
        cold(&scratch, project, whole)?,
        load.clone(),
        None,
    ));
    let mut reads = [Vec::new(), Vec::new()];
    client.execute(whole, &[&project])?;
    let seqs = changes.len().div_ceil(AT_ONCE);
    for read in 0..READS {
        reads[0].push(timed(|| Ok(client.execute(whole, &[&project]).map(drop)?))?);
        // Somewhere in the log, in no order.
        let seq = (1 + read * 7_919 % seqs) as i64;
        let then = "SELECT length(quire.read_doc($1, 'd', at_seq => $2) ->> 'text')";
        reads[1].push(timed(|| Ok(client.execute(then, &[&project, &seq]).map(drop)?))?);
    }
    let [now, then] = reads;
    rows.push(milliseconds("read_doc, warm, against load,", now, load.clone(), None));
    rows.push(milliseconds("read_doc at some seq, warm, against load,", then, load, None));
    Ok(rows)
}

/// Applies the changes as the transactions do, and does nothing else.
fn in_memory(changes: &[Vec<u8>]) -> Result<()> {
    let mut doc = AutoCommit::new();
    for some in changes.chunks(AT_ONCE) {
        let decoded = some.iter().map(|bytes| Change::try_from(bytes.as_slice()));
        doc.apply_changes(decoded.collect::<std::result::Result<Vec<_>, _>>()?)?;
    }
    Ok(())
}

/// Milliseconds of loading what Automerge saves.
fn in_memory_load(client: &mut Client, project: Uuid) -> Result<Vec<f64>> {
    let bytes: Vec<u8> = client.query_one("SELECT quire.read_doc_bytes($1, 'd')", &[&project])?.get(0);
    (0..3).map(|_| timed(|| Ok(AutoCommit::load(&bytes).map(drop)?))).collect()
}

/// Milliseconds of a statement in sessions that have loaded nothing.
fn cold(scratch: &Scratch, project: Uuid, sql: &str) -> Result<Vec<f64>> {
    (0..3)
        .map(|_| {
            let mut client = scratch.client()?;
            timed(|| Ok(client.execute(sql, &[&project]).map(drop)?))
        })
        .collect()
}

/// Bytes of the tables that have changes, compacted.
fn stored(superuser: &mut Client) -> Result<f64> {
    superuser.batch_execute(
        "VACUUM FULL quire_store.doc_change, quire_store.doc_pack, quire_store.doc_snapshot",
    )?;
    let sizes = "SELECT sum(pg_total_relation_size(('quire_store.' || t)::regclass))::float8
        FROM unnest('{doc_change,doc_pack,doc_snapshot}'::text[]) t";
    Ok(superuser.query_one(sizes, &[])?.get(0))
}

/// Where the write-ahead log ends.
fn wal(superuser: &mut Client) -> Result<f64> {
    Ok(superuser.query_one("SELECT (pg_current_wal_insert_lsn() - '0/0')::float8", &[])?.get(0))
}
