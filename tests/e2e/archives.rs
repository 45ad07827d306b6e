//! Archives that changed on the way are refused, or restore the same tree; those from before frames had checksums stay what they were.

use crate::cluster::shared;
use crate::dice::Dice;
use crate::steps::{ask, head_seq, noise, project, refusal};
use postgres::{Client, GenericClient};
use quire_core::archive::{Recipe, RecipeStep, steps, stored_bytes};
use quire_core::content::{self, Codec, Encoded};
use quire_core::hash::Hash;
use serde_json::{Value, json};
use uuid::Uuid;

/// Changes of each archive.
const CHANGES: u64 = 120;

/// A project with content of every kind, at seq 1, and what changed since, at seq 2.
fn build(client: &mut Client, name: &str) -> Uuid {
    let project = project(client, name);
    let text = "Line after line, and each of them the same.\n".repeat(300);
    let lines: String = (0..100_000).map(|n| format!("line {n} of many\n")).collect();
    commit(
        client,
        project,
        json!([
            {"op": "file.put", "file_path": "README", "content": "read me\n"},
            {"op": "file.put", "file_path": "bin/link", "content": "../README", "mode": "120000"},
            {"op": "file.put", "file_path": "bin/run", "content": "#!/bin/sh\nexec true\n".repeat(30), "mode": "100755"},
            {"op": "file.put", "file_path": "bin/old", "content": "old"},
            {"op": "file.put", "file_path": "empty", "content": ""},
            {"op": "file.put", "file_path": "text", "content": text},
            {"op": "file.put", "file_path": "日本語/ファイル.txt", "content": "some text ".repeat(60)},
            {"op": "file.put", "file_path": "lines", "content": lines},
        ]),
    );
    commit(
        client,
        project,
        json!([
            {"op": "file.delete", "file_path": "bin/old"},
            {"op": "file.put", "file_path": "bin/run", "content": "#!/bin/sh\nexec false\n".repeat(30), "mode": "100644"},
            {"op": "file.put", "file_path": "new", "content": "new text ".repeat(100), "mode": "100755"},
        ]),
    );
    let sql = "SELECT seq FROM quire.upsert_project_file_bytes($1, 'noise', $2)";
    client.query_one(sql, &[&project, &noise(3000)]).expect("noise");
    project
}

fn commit(client: &mut Client, project: Uuid, ops: Value) {
    client.query_one("SELECT quire.commit_bundle($1, $2)", &[&project, &ops]).expect("a bundle");
}

/// Path, mode and hash of every file.
fn tree(client: &mut impl GenericClient, project: Uuid) -> Vec<(String, String, String)> {
    let sql = "SELECT file_path, mode, content_hash FROM quire.project_files_current WHERE project_id = $1 ORDER BY 1";
    let rows = client.query(sql, &[&project]).expect("the tree");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

/// Id and bytes of a new snapshot.
fn archive(client: &mut Client, project: Uuid, format: &str, since_seq: Option<i64>) -> (Uuid, Vec<u8>) {
    let sql = "SELECT (quire.create_project_snapshot($1, $2, after_seq => $3) ->> 'snapshot_id')::uuid";
    let id: Uuid = client.query_one(sql, &[&project, &format, &since_seq]).expect("a snapshot").get(0);
    (id, read(client, project, id))
}

fn read(client: &mut Client, project: Uuid, id: Uuid) -> Vec<u8> {
    client.query_one("SELECT quire.read_snapshot($1, $2)", &[&project, &id]).expect("its bytes").get(0)
}

fn problems(client: &mut Client, project: Uuid, id: Uuid) -> Value {
    let sql = "SELECT quire.verify_snapshot($1, $2) -> 'problems'";
    client.query_one(sql, &[&project, &id]).expect("verified").get(0)
}

const RESTORE: &str = "SELECT quire.restore_snapshot($1, $2)";

#[test]
fn a_changed_byte_is_refused_or_the_same_tree_is_restored() {
    let database = shared().database("archives_changed");
    let mut client = database.client("postgres");
    let from = build(&mut client, "from");
    let into = project(&mut client, "into");
    let older = "SELECT quire.read_snapshot($1, (quire.create_project_snapshot($1, 'tar.zst', 1) ->> 'snapshot_id')::uuid)";
    let older: Vec<u8> = client.query_one(older, &[&from]).expect("the older state").get(0);
    client.query_one(RESTORE, &[&into, &older]).expect("restore the older state");
    let expected = tree(&mut client, from);
    assert_ne!(tree(&mut client, into), expected);
    let mut dice = Dice::new();
    for format in ["zip", "tar.zst"] {
        for since_seq in [None, Some(1)] {
            let (_, sound) = archive(&mut client, from, format, since_seq);
            let (mut refused, mut same) = (0, 0);
            for number in 0..CHANGES {
                let mut changed = sound.clone();
                if number > 0 {
                    changed[dice.throw(sound.len())] ^= 1 + dice.throw(255) as u8;
                }
                let mut attempt = client.transaction().expect("a transaction");
                match attempt.query_one(RESTORE, &[&into, &changed]) {
                    Ok(_) => {
                        assert_eq!(tree(&mut attempt, into), expected, "{format} {since_seq:?} {number}");
                        same += 1;
                    }
                    error => {
                        let refusal = refusal(error);
                        assert!(matches!(refusal.state.as_str(), "22023" | "PT413"), "{refusal:?}");
                        refused += 1;
                    }
                }
            }
            println!(
                "{format} since {since_seq:?}, {} bytes: {refused} refused, {same} the same",
                sound.len()
            );
            assert!(same > 0, "the sound one");
        }
    }
}

/// Stores all content of a project as it was stored before frames had checksums, or as it is stored now.
fn store_anew(client: &mut Client, project: Uuid, with_checksums: bool) {
    let anew = |codec: i16, size: i64, bytes: &[u8]| {
        let codec = Codec::from_stored(codec).expect("a codec");
        let mut raw = Vec::new();
        content::decode_into(codec, size as usize, bytes, &mut raw).expect("decodes");
        let Encoded { codec, size, mut bytes } = content::encode(&raw, 3);
        if codec == Codec::Zstd && !with_checksums {
            bytes = stored_bytes(codec, &bytes, 0, bytes.len() as u32 - 4).expect("a frame").into_owned();
        }
        Encoded { codec, size, bytes }
    };
    let sql =
        "SELECT hash, codec, size, bytes FROM quire_store.blob WHERE project_id = $1 AND chunk_count = 0";
    for row in client.query(sql, &[&project]).expect("blobs") {
        let part = anew(row.get(1), row.get(2), row.get(3));
        let sql = "UPDATE quire_store.blob SET codec = $3, bytes = $4 WHERE project_id = $1 AND hash = $2";
        let args = (row.get::<_, Vec<u8>>(0), part.codec as i16, part.bytes);
        client.execute(sql, &[&project, &args.0, &args.1, &args.2]).expect("stored");
    }
    let sql = "SELECT hash, codec, size, bytes, ordinal FROM quire_store.blob_chunk WHERE project_id = $1";
    for row in client.query(sql, &[&project]).expect("chunks") {
        let part = anew(row.get(1), row.get(2), row.get(3));
        let (hash, ordinal) = (row.get::<_, Vec<u8>>(0), row.get::<_, i32>(4));
        let checksum = content::chunk_checksum(ordinal, part.codec, part.size, &part.bytes);
        let sql = "UPDATE quire_store.blob_chunk SET codec = $4, bytes = $5, checksum = $6
            WHERE project_id = $1 AND hash = $2 AND ordinal = $3";
        let args = (part.codec as i16, part.bytes, checksum.as_bytes().as_slice());
        client.execute(sql, &[&project, &hash, &ordinal, &args.0, &args.1, &args.2]).expect("stored");
    }
}

#[test]
fn content_that_was_stored_without_checksums_makes_the_same_archive() {
    let database = shared().database("archives_before");
    let mut client = database.client("postgres");
    let from = build(&mut client, "before");
    let (id, with) = archive(&mut client, from, "tar.zst", None);
    client.query_one("SELECT quire.delete_snapshot($1, $2)", &[&from, &id]).expect("deleted");
    store_anew(&mut client, from, false);
    let sql = "SELECT (quire.verify_project($1) -> 'is_sound')::boolean";
    assert!(client.query_one(sql, &[&from]).expect("verified").get::<_, bool>(0), "content is still read");
    let (id, without) = archive(&mut client, from, "tar.zst", None);
    assert!(with == without, "the same bytes");
    assert_eq!(problems(&mut client, from, id), json!([]));
    let into = project(&mut client, "restored");
    client.query_one(RESTORE, &[&into, &without]).expect("restored");
    assert_eq!(tree(&mut client, into), tree(&mut client, from));
    // Whatever is stored anew later.
    store_anew(&mut client, from, true);
    assert!(read(&mut client, from, id) == with, "the same bytes");
    assert_eq!(problems(&mut client, from, id), json!([]));
}

/// The recipe of an archive whose stored frames have no checksums, as recipes were before, and the archive.
fn recipe_from_before(recipe: &[u8], stored: impl Fn(&Hash, u32) -> Encoded) -> (Recipe, Vec<u8>) {
    let (mut before, mut archive) = (Recipe::default(), Vec::<u8>::new());
    let mut literals: Vec<Vec<u8>> = Vec::new();
    let mut frames = Vec::new();
    for step in steps(recipe).expect("a recipe") {
        match step {
            RecipeStep::Literal(bytes) => literals.push(bytes.to_vec()),
            RecipeStep::Stored { hash, ordinal, from, length } => {
                let part = stored(&hash, ordinal);
                assert_eq!(part.codec, Codec::Zstd, "frames only");
                let start = literals.last_mut().expect("how the frame starts");
                start.truncate(start.len() - from as usize);
                frames.push((literals.len(), hash, ordinal, from + length, part.bytes));
            }
        }
    }
    let mut frames = frames.into_iter().peekable();
    for (number, bytes) in literals.iter().enumerate() {
        // Behind a frame stands its checksum.
        let bytes = if number > 0 { &bytes[4..] } else { bytes };
        before.literal(bytes);
        archive.extend_from_slice(bytes);
        while let Some((_, hash, ordinal, length, bytes)) = frames.next_if(|frame| frame.0 == number + 1) {
            assert_eq!(bytes.len(), length as usize);
            before.stored(&hash, ordinal, 0, length);
            archive.extend_from_slice(&bytes);
        }
    }
    (before, archive)
}

#[test]
fn a_snapshot_from_before_frames_had_checksums_keeps_its_bytes() {
    let database = shared().database("archives_old");
    let mut client = database.client("postgres");
    let from = project(&mut client, "old");
    let lines: String = (0..100_000).map(|n| format!("line {n} of many\n")).collect();
    commit(
        &mut client,
        from,
        json!([
            {"op": "file.put", "file_path": "lines", "content": lines},
            {"op": "file.put", "file_path": "run", "content": "#!/bin/sh\nexec true\n".repeat(30), "mode": "100755"},
            {"op": "file.put", "file_path": "text", "content": "some text ".repeat(60)},
        ]),
    );
    let (id, with) = archive(&mut client, from, "tar.zst", None);
    store_anew(&mut client, from, false);
    // The stored snapshot becomes one from before.
    let sql =
        "SELECT hash, 0, codec, size, bytes FROM quire_store.blob WHERE project_id = $1 AND chunk_count = 0
        UNION ALL SELECT hash, ordinal, codec, size, bytes FROM quire_store.blob_chunk WHERE project_id = $1";
    let parts: Vec<(Hash, i32, Encoded)> = client
        .query(sql, &[&from])
        .expect("parts")
        .iter()
        .map(|row| {
            let codec = Codec::from_stored(row.get(2)).expect("a codec");
            let part = Encoded { codec, size: row.get::<_, i64>(3) as usize, bytes: row.get(4) };
            (Hash::from_bytes(row.get(0)).expect("a hash"), row.get(1), part)
        })
        .collect();
    let sql = "SELECT recipe FROM quire_store.snapshot_chunk WHERE project_id = $1 AND snapshot_id = $2";
    let recipe: Vec<u8> = client.query_one(sql, &[&from, &id]).expect("one chunk").get(0);
    let (recipe, before) = recipe_from_before(&recipe, |hash, ordinal| {
        let part = parts.iter().find(|part| part.0 == *hash && part.1 == ordinal as i32);
        part.expect("a stored part").2.clone()
    });
    assert_eq!(before.len(), with.len() - 4 * 4, "four frames");
    let sql = "UPDATE quire_store.snapshot_chunk SET recipe = $3 WHERE project_id = $1 AND snapshot_id = $2";
    client.execute(sql, &[&from, &id, &recipe.as_bytes()]).expect("its recipe");
    let sql = "UPDATE quire_store.snapshot SET size = $3, content_hash = $4 WHERE project_id = $1 AND snapshot_id = $2";
    let hash = Hash::of(&before);
    let size = before.len() as i64;
    client.execute(sql, &[&from, &id, &size, &hash.as_bytes().as_slice()]).expect("its hash");

    for with_checksums in [false, true] {
        // As when content was corrupt and has been repaired.
        store_anew(&mut client, from, with_checksums);
        assert!(read(&mut client, from, id) == before, "the same bytes");
        assert_eq!(problems(&mut client, from, id), json!([]));
    }
    let into = project(&mut client, "restored");
    client.query_one(RESTORE, &[&into, &before]).expect("restored");
    assert_eq!(tree(&mut client, into), tree(&mut client, from));
}

#[test]
fn an_archive_from_before_frames_had_checksums_is_restored() {
    let database = shared().database("archives_oldest");
    let mut client = database.client("postgres");
    let into = project(&mut client, "into");
    commit(
        &mut client,
        into,
        json!([{"op": "file.put", "file_path": "e", "content": "goes"}, {"op": "file.put", "file_path": "f", "content": "stays"}]),
    );
    let delta = include_bytes!("../../crates/quire-core/src/archive/tests/without_checksums.tar.zst");
    client.query_one(RESTORE, &[&into, &delta.as_slice()]).expect("restored");
    assert_eq!(head_seq(&mut client, into), 2);
    let sql = format!(
        "SELECT string_agg(file_path || ' ' || mode, ', ' ORDER BY file_path COLLATE \"C\")
         FROM quire.project_files_current WHERE project_id = '{into}'"
    );
    assert_eq!(
        ask(&mut client, &sql),
        "a 100644, b/noise 100644, b/日本語 120000, c 100755, d 100644, f 100644"
    );
}
