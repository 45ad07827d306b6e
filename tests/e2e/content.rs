//! Content: large files, the size limit, and stored bytes that went bad.

use crate::cluster::shared;
use crate::log;
use crate::steps::{Refusal, head_seq, noise, project, put, refusal};
use postgres::Client;
use serde_json::json;
use uuid::Uuid;

#[test]
fn twenty_megabytes_of_bytes_come_back_as_they_went_in_and_are_stored_once() {
    let database = shared().database("content_large");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "large");
    let bytes = noise(20 << 20);
    let sql =
        "SELECT version, size, is_binary, content_hash FROM quire.upsert_project_file_bytes($1, $2, $3)";
    let row = admin.query_one(sql, &[&project, &"large.bin", &bytes]).expect("write");
    assert_eq!((row.get(0), row.get(1), row.get(2)), (1, bytes.len() as i64, true));
    let hash: String = row.get(3);
    assert_eq!(hash, quire_core::hash::Hash::of(&bytes).to_hex());

    let read = "SELECT quire.read_project_file_bytes($1, $2, $3)";
    let first = Some(1i32);
    assert!(
        admin.query_one(read, &[&project, &"large.bin", &None::<i32>]).expect("read").get::<_, &[u8]>(0)
            == bytes
    );
    let chunks = "SELECT count(*) > 1 FROM quire_store.blob_chunk";
    assert_eq!(database.psql(chunks), "t", "it is stored in chunks");
    let stored = database.psql("SELECT sum(length(bytes)) FROM quire_store.blob_chunk");

    // The same content under another path, then another version: the first stays readable and nothing is stored twice.
    admin.query_one(sql, &[&project, &"copy.bin", &bytes]).expect("write a copy");
    assert_eq!(database.psql("SELECT sum(length(bytes)) FROM quire_store.blob_chunk"), stored);
    put(&mut admin, project, "large.bin", "small");
    assert!(
        admin.query_one(read, &[&project, &"large.bin", &first]).expect("read").get::<_, &[u8]>(0) == bytes
    );
    log::verify(&mut admin, project);
}

#[test]
fn a_long_text_is_the_same_through_every_reader() {
    let database = shared().database("content_text");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "text");
    // Characters of several bytes lie across the borders of chunks.
    let text: String = (0..600_000u32).map(|n| if n % 3 == 0 { 'ä' } else { '✓' }).collect();
    put(&mut admin, project, "long.txt", &text);
    for sql in [
        "SELECT content FROM quire.read_project_file($1, 'long.txt')",
        "SELECT content FROM quire.project_files WHERE project_id = $1",
        "SELECT content FROM quire.project_files_current WHERE project_id = $1",
        "SELECT content FROM quire.list_current_files($1)",
        "SELECT content FROM quire.list_files_at($1, at_seq => 1)",
        "SELECT payload ->> 'content' FROM quire.poll_events($1)",
        "SELECT convert_from(quire.read_project_file_bytes($1, 'long.txt'), 'UTF8')",
    ] {
        assert!(admin.query_one(sql, &[&project]).expect(sql).get::<_, &str>(0) == text, "{sql}");
    }
}

#[test]
fn a_file_over_64_mib_is_refused_with_pt413_and_leaves_nothing_and_one_of_64_mib_is_not() {
    let database = shared().database("content_limit");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "limit");
    let limit = 64 << 20;
    // In the server, because this is about its limit and not about the connection.
    let sql = "SELECT (quire.upsert_project_file_bytes($1, 'f', convert_to(repeat('x', $2), 'UTF8'))).size";
    let refused = refusal(admin.query_one(sql, &[&project, &(limit + 1)]));
    assert_eq!(refused.state, "PT413");
    assert_eq!((&refused.detail["code"], &refused.detail["limit"]), (&json!("LimitError"), &json!(limit)));
    assert_eq!(head_seq(&mut admin, project), 0);
    assert_eq!(database.psql("SELECT count(*) FROM quire_store.blob"), "0");

    let row = admin.query_one(sql, &[&project, &limit]).expect("write 64 MiB");
    assert_eq!(row.get::<_, i64>(0), i64::from(limit));
    let sql = "SELECT length(quire.read_project_file_bytes($1, 'f'))";
    assert_eq!(admin.query_one(sql, &[&project]).expect("read").get::<_, i32>(0), limit);
}

#[test]
fn a_changed_byte_of_stored_content_is_refused_with_xx001_by_every_reader() {
    let database = shared().database("content_corrupt");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "corrupt");
    put(&mut admin, project, "good", "untouched");
    // Stored raw, compressed, and in chunks.
    for (path, content) in [
        ("raw", "short".to_owned()),
        ("packed", "compressible ".repeat(100)),
        ("chunked", "compressible ".repeat(200_000)),
    ] {
        put(&mut admin, project, path, &content);
        let flip = "set_byte(bytes, length(bytes) - 1, get_byte(bytes, length(bytes) - 1) # 1)";
        let table = if path == "chunked" { "blob_chunk" } else { "blob" };
        let which = "(SELECT content_hash FROM quire_store.file_head WHERE file_path = ";
        let chunk = if path == "chunked" { "AND ordinal = 2" } else { "" };
        database.psql(&format!(
            "UPDATE quire_store.{table} SET bytes = {flip} WHERE hash = {which} '{path}') {chunk}"
        ));
        for refused in refusals_of_readers(&mut admin, project, path) {
            assert_eq!(
                (refused.state.as_str(), &refused.detail["code"]),
                ("XX001", &json!("CorruptError")),
                "{path}"
            );
        }
        // Put right again, so that the next one is the only bad one.
        database.psql(&format!(
            "UPDATE quire_store.{table} SET bytes = {flip} WHERE hash = {which} '{path}') {chunk}"
        ));
    }
    log::verify(&mut admin, project);
}

#[test]
fn a_missing_chunk_of_stored_content_is_refused_with_xx001_by_every_reader() {
    assert_missing_content_is_noticed(
        "content_missing_chunk",
        "DELETE FROM quire_store.blob_chunk WHERE ordinal = 2",
    );
}

#[test]
fn missing_stored_content_is_refused_with_xx001_by_every_reader() {
    assert_missing_content_is_noticed(
        "content_missing",
        "DELETE FROM quire_store.blob WHERE chunk_count > 0",
    );
}

fn assert_missing_content_is_noticed(name: &str, damage: &str) {
    let database = shared().database(name);
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "missing");
    put(&mut admin, project, "good", "untouched");
    put(&mut admin, project, "bad", &"compressible ".repeat(200_000));
    database.psql(damage);
    for refused in refusals_of_readers(&mut admin, project, "bad") {
        assert_eq!((refused.state.as_str(), &refused.detail["code"]), ("XX001", &json!("CorruptError")));
    }
    let sql = "SELECT content FROM quire.read_project_file($1, 'good')";
    assert_eq!(admin.query_one(sql, &[&project]).expect("read").get::<_, &str>(0), "untouched");
}

/// What each reader of a file's content says about a file that is corrupt.
fn refusals_of_readers(client: &mut Client, project: Uuid, path: &str) -> Vec<Refusal> {
    let (refused, silent) = [
        "SELECT content FROM quire.read_project_file($1, $2)",
        "SELECT quire.read_project_file_bytes($1, $2)",
        "SELECT content FROM quire.project_files WHERE project_id = $1 AND file_path = $2",
        "SELECT content FROM quire.project_files_current WHERE project_id = $1 AND file_path = $2",
        "SELECT content FROM quire.list_current_files($1, $2)",
        "SELECT content FROM quire.list_files_at($1, (quire.get_project($1) ->> 'seq')::bigint) WHERE file_path = $2",
        "SELECT quire.diff_project_file($1, $2, 0, 1)",
        "SELECT e.* FROM quire.project_files f, quire.poll_events($1, f.seq - 1, 1) e WHERE f.file_path = $2",
    ]
    .into_iter()
    .map(|sql| match client.query(sql, &[&project, &path]) {
        Ok(rows) => Err(format!("answers {} rows: {sql}", rows.len())),
        error => Ok(refusal(error)),
    })
    .partition::<Vec<_>, _>(Result::is_ok);
    let silent: Vec<String> = silent.into_iter().filter_map(Result::err).collect();
    assert!(silent.is_empty(), "{path} is corrupt, but this\n{}", silent.join("\n"));
    refused.into_iter().filter_map(Result::ok).collect()
}
