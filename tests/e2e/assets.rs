//! Uploads in pieces, and content that comes and goes.

use crate::cluster::shared;
use crate::log;
use crate::steps::{backend_pid, project};
use postgres::Client;
use quire::pure::hash::Hash;
use uuid::Uuid;

const MIB: usize = 1 << 20;

#[test]
fn a_large_upload_comes_back_as_it_went_in_and_takes_bounded_memory() {
    let database = shared().database("assets_upload");
    let mut client = database.client("postgres");
    let project = project(&mut client, "upload");
    let whole = noise(160 * MIB + 12_345);
    let upload = begin(&mut client, project);
    // Pieces that do not match the chunks, the last one first.
    let pieces: Vec<&[u8]> = whole.chunks(7 * MIB + 1).collect();
    for (at, piece) in pieces.iter().enumerate().rev() {
        let sql = "SELECT quire.append_upload($1, $2, $3, $4)";
        client.query_one(sql, &[&project, &upload, &(at as i32 + 1), piece]).expect("append a piece");
    }
    // A new connection: what it took for the pieces is not counted.
    let mut client = database.client("postgres");
    client.query_one("SELECT quire.get_project($1)", &[&project]).expect("warm up");
    let before = peak_memory(&mut client);
    let hash = Hash::of(&whole).to_hex();
    let sql = "SELECT quire.finish_upload($1, $2, $3) ->> 'status'";
    let status: String = client.query_one(sql, &[&project, &upload, &hash]).expect("finish").get(0);
    assert_eq!(status, "created");
    // shared_buffers are counted with the backend that touches them.
    let buffers: i64 = database
        .psql("SELECT setting::bigint * 8 FROM pg_settings WHERE name = 'shared_buffers'")
        .parse()
        .expect("kB");
    let grown = peak_memory(&mut client) - before - buffers;
    assert!(grown < 64 * 1024, "finish_upload took {grown} kB beside the shared buffers");
    let mut read = Vec::new();
    while read.len() < whole.len() {
        let sql = "SELECT quire.read_asset_range($1, $2, $3, $4)";
        let row =
            client.query_one(sql, &[&project, &hash, &(read.len() as i64), &50_000_000i64]).expect("read");
        read.extend_from_slice(row.get(0));
    }
    assert!(read == whole, "the asset has other bytes");
    assert_eq!(database.psql("SELECT count(*) FROM quire_store.upload_piece"), "0");
    assert_eq!(database.psql("SELECT count(*) FROM quire_store.blob"), "1");
    assert_eq!(database.psql("SELECT chunk_count FROM quire_store.blob"), "161");
}

#[test]
fn an_upload_that_is_rolled_back_can_be_finished_later() {
    let database = shared().database("assets_rollback");
    let mut client = database.client("postgres");
    let project = project(&mut client, "upload");
    let whole = noise(3 * MIB);
    let upload = begin(&mut client, project);
    client
        .query_one("SELECT quire.append_upload($1, $2, 1, $3)", &[&project, &upload, &whole])
        .expect("append a piece");
    let finish = "SELECT quire.finish_upload($1, $2)";
    let mut transaction = client.transaction().expect("begin");
    transaction.query_one(finish, &[&project, &upload]).expect("finish");
    transaction.rollback().expect("roll back");
    assert_eq!(database.psql("SELECT count(*) FROM quire_store.blob"), "0");
    client.query_one(finish, &[&project, &upload]).expect("finish again");
    log::verify(&mut client, project);
}

fn begin(client: &mut Client, project: Uuid) -> Uuid {
    let sql = "SELECT quire.begin_upload($1, 'u', 'application/octet-stream', 'data')";
    client.query_one(sql, &[&project]).expect("begin an upload").get(0)
}

/// The most memory a client's backend has had, in kB.
fn peak_memory(client: &mut Client) -> i64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", backend_pid(client))).expect("the backend");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// Bytes that no compressor makes smaller, the same in each run.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
    .take(length)
    .collect()
}
