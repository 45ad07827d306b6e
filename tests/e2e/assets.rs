//! Uploads in pieces, and content that comes and goes.

use crate::cluster::shared;
use crate::dice::Dice;
use crate::log;
use crate::steps::{backend_pid, configure, noise, project, refusal};
use postgres::Client;
use quire_core::hash::Hash;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
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

#[test]
fn content_that_writers_refer_to_while_it_is_collected_is_always_there() {
    const WRITERS: usize = 4;
    const ENOUGH: i64 = 100;
    let database = shared().database("assets_gc");
    let mut admin = database.client("postgres");
    let project = project(&mut admin, "gc");
    configure(&mut admin, project, json!({"retention_days": 0, "broadcast": "off"}));
    let done = AtomicBool::new(false);
    let total = AtomicI64::new(0);
    // How soon they have met often enough depends on the machine.
    let deadline = Instant::now() + Duration::from_secs(180);
    let has_met = || total.load(Ordering::Relaxed) > ENOUGH || Instant::now() > deadline;
    let mut dice = Dice::new();
    thread::scope(|scope| {
        let collector =
            scope.spawn(|| collect_until(&mut database.client("postgres"), project, &done, &total));
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let (database, dice, has_met) = (&database, dice.another(), &has_met);
                scope.spawn(move || {
                    write_the_same_again(&mut database.client("postgres"), project, dice, has_met)
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().expect("a writer"));
        done.store(true, Ordering::Relaxed);
        collector.join().expect("the collector");
    });
    let collected = total.load(Ordering::Relaxed);
    assert!(collected > ENOUGH, "only {collected} contents were collected: the writers did not meet it");
    // Reads every live file and asset, and compares it with its hash.
    log::verify(&mut admin, project);
    let sql = "SELECT count(*) FROM quire.gc_plan($1) WHERE state <> 'present' AND jsonb_array_length(\"references\") > 0";
    assert_eq!(admin.query_one(sql, &[&project]).expect("plan").get::<_, i64>(0), 0, "dangling references");
}

/// Collects in small steps until the writers are done, and then everything; counts the contents in `total`.
fn collect_until(client: &mut Client, project: Uuid, done: &AtomicBool, total: &AtomicI64) {
    loop {
        let is_last = done.load(Ordering::Relaxed);
        let run: Value = client.query_one("SELECT quire.gc_run($1, 5)", &[&project]).expect("collect").get(0);
        total.fetch_add(run["collected"].as_i64().expect("a number"), Ordering::Relaxed);
        if is_last && run["remaining"] == 0 {
            return;
        }
    }
}

/// Writes few contents to few paths again and again, small ones and large ones, as files and assets, by all kinds of writers,
/// 250 times and then on until `is_enough`.
fn write_the_same_again(client: &mut Client, project: Uuid, mut dice: Dice, is_enough: impl Fn() -> bool) {
    for _ in (0..).take_while(|round| *round < 250 || !is_enough()) {
        let path = format!("f{}", dice.throw(5));
        let content = format!("{} ", dice.throw(12)).repeat(if dice.throw(2) == 0 { 5 } else { 40_000 });
        let outcome = match dice.throw(6) {
            0 => client.execute(
                "SELECT quire.put_asset($1, $2, convert_to($3, 'UTF8'), 'text/plain', 'text')",
                &[&project, &path, &content],
            ),
            1 => client.execute(
                "SELECT quire.delete_asset($1, content_hash) FROM (SELECT * FROM quire.list_assets($1) LIMIT 1) a",
                &[&project],
            ),
            2 => client.execute("SELECT quire.delete_project_file($1, $2)", &[&project, &path]),
            3 => client.execute(
                "SELECT quire.restore_project_file($1, $2, 1)",
                &[&project, &path],
            ),
            4 => client.execute(
                "SELECT quire.bulk_upsert_project_files($1, jsonb_build_array(
                     jsonb_build_object('file_path', $2::text, 'content', $3::text)))",
                &[&project, &path, &content],
            ),
            _ => client.execute("SELECT quire.upsert_project_file($1, $2, $3)", &[&project, &path, &content]),
        };
        if let Err(error) = outcome {
            let refused = refusal::<()>(Err(error));
            // What is not there any more, and an old version whose content is gone; nothing else may go wrong.
            assert!(["PT404", "PT410", "22023"].contains(&refused.state.as_str()), "{refused:?}");
        }
    }
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
