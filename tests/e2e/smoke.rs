//! The harness itself works: servers start, clients connect, dumps and standbys carry data.

use crate::cluster::{Cluster, shared};
use std::path::Path;

#[test]
fn a_client_selects_one() {
    let database = shared().database("smoke");
    let row = database.client("postgres").query_one("SELECT 1", &[]).expect("select");
    assert_eq!(row.get::<_, i32>(0), 1);
}

#[test]
fn a_dump_restores_into_another_database() {
    let source = shared().database("smoke_dump");
    source.psql("CREATE TABLE note AS SELECT 'kept' AS text");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("smoke.dump");
    source.pg_dump(&file);

    let copy = shared().empty_database("smoke_restore");
    copy.pg_restore(&file);
    assert_eq!(copy.psql("SELECT text FROM note"), "kept");
}

#[test]
fn a_standby_follows_its_primary() {
    let primary = Cluster::start("smoke_primary", &[("wal_level", "replica"), ("max_wal_senders", "5")]);
    let standby = Cluster::standby_of(&primary);
    primary.database("app").psql("CREATE TABLE note AS SELECT 'sent' AS text");
    primary.wait_caught_up(&standby);

    let replica = standby.existing_database("app");
    assert_eq!(replica.psql("SELECT text FROM note"), "sent");
    assert_eq!(replica.psql("SELECT pg_is_in_recovery()"), "t");
}
