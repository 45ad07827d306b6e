//! Two databases that hold one project exchange bundles, and agree in the end.

use crate::cluster::{Database, shared};
use crate::dice::Dice;
use crate::log;
use crate::steps::{backend_pid, user, wait_until_blocked};
use postgres::{Client, GenericClient, Row};
use quire_core::chain::checksum;
use quire_core::peer::Bundle;
use serde_json::{Value, json};
use uuid::Uuid;

pub const PROJECT: Uuid = Uuid::from_u128(0x5EE4);

fn one_of<'a>(dice: &mut Dice, from: &[&'a str]) -> &'a str {
    from[dice.throw(from.len())]
}

/// The hashes of the two contents that are put as assets.
const ASSETS: &[&str] = &[
    "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    "48fc721fbbc172e0925fa27af1671de225ba927134802998b10a1568a188652b",
];

pub struct Side {
    pub name: &'static str,
    pub client: Client,
}

pub fn sides(name: &str) -> (Database, Database, [Side; 2]) {
    let [(a, of_a), (b, of_b)] = ["a", "b"].map(|side| side_of(name, side));
    (a, b, [of_a, of_b])
}

pub fn side_of(name: &str, side: &'static str) -> (Database, Side) {
    let database = shared().database(&format!("peers_{name}_{side}"));
    let role = format!("peers_{name}_{side}");
    user(&database, &role);
    let mut client = database.client(&role);
    client.execute("SELECT quire.create_project('shared', $1)", &[&PROJECT]).expect("create the project");
    (database, Side { name: side, client })
}

pub fn pull(from: &mut Client, peer: &str, max_ops: i32) -> Value {
    from.query_one("SELECT quire.sync_pull($1, $2, $3)", &[&PROJECT, &peer, &max_ops]).expect("pull").get(0)
}

pub fn push(to: &mut Client, peer: &str, page: &Value) -> Vec<(String, Value)> {
    let rows = try_push(to, peer, page).expect("push");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Hands a page over, with what it says of where it begins and ends.
pub fn try_push(to: &mut impl GenericClient, peer: &str, page: &Value) -> Result<Vec<Row>, postgres::Error> {
    let sql = "SELECT status, reasons FROM quire.sync_push($1, $2, $3, $4, $5, $6, $7)";
    let (checkpoint, ends) = (page["checkpoint"].as_i64(), page["checkpoint_checksum"].as_str());
    let (after, begins) = (page["after_seq"].as_i64(), page["after_checksum"].as_str());
    to.query(sql, &[&PROJECT, &peer, &checkpoint, &page["bundles"], &ends, &after, &begins])
}

/// Everything `from` has goes to `to`, in pages.
pub fn exchange(from: &mut Side, to: &mut Side) -> Vec<(String, Value)> {
    let mut rows = Vec::new();
    loop {
        let page = pull(&mut from.client, to.name, 10);
        assert_eq!(page["corrupt"], Value::Null);
        rows.extend(push(&mut to.client, from.name, &page));
        let reached = "SELECT (quire.sync_status($1, $2) -> 'checkpoint')::bigint";
        let reached: i64 = to.client.query_one(reached, &[&PROJECT, &from.name]).expect("status").get(0);
        let ack = "SELECT quire.sync_ack($1, $2, $3)";
        let seq = page["checkpoint"].as_i64().expect("a checkpoint").min(reached);
        from.client.execute(ack, &[&PROJECT, &to.name, &seq]).expect("acknowledge");
        if page["has_more"] == false {
            return rows;
        }
    }
}

/// Verification finds nothing wrong with the project.
pub fn assert_sound(client: &mut Client, what: &str) {
    let sql = "SELECT quire.verify_project($1)";
    let report: Value = client.query_one(sql, &[&PROJECT]).expect("verify").get(0);
    assert_eq!(report["is_sound"], true, "{what}: {report}");
}

/// What a project shows: files, entities, assets and documents, without the numbers that are each side's own.
pub fn state(client: &mut Client) -> Value {
    let sql = "SELECT json_build_object(
        'files', (SELECT json_agg(json_build_array(file_path, content_hash, file_type, mode) ORDER BY file_path)
                  FROM quire.project_files_current WHERE project_id = $1),
        'entities', (SELECT json_agg(json_build_array(entity_id, fields) ORDER BY entity_id)
                     FROM quire.list_entities($1, 'task')),
        'assets', (SELECT json_agg(json_build_array(content_hash, filename) ORDER BY content_hash)
                   FROM quire.list_assets($1)),
        'docs', (SELECT json_agg(json_build_array(doc, heads, quire.read_doc($1, doc)) ORDER BY doc)
                 FROM quire.list_docs($1)))";
    client.query_one(sql, &[&PROJECT]).expect("read the state").get(0)
}

fn random_ops(dice: &mut Dice) -> Value {
    let ops = (0..=dice.throw(3)).map(|_| {
        let path = one_of(dice, &["a", "b", "c", "d"]);
        let (id, field) = (one_of(dice, &["1", "2"]), one_of(dice, &["x", "y", "z"]));
        let entity = |op: &str| json!({"op": op, "entity_type": "task", "entity_id": id});
        match dice.throw(11) {
            // Some contents both sides come to have, others only one.
            0 => json!({"op": "file.put", "file_path": path, "content": format!("{}", dice.throw(4))}),
            1 | 2 => json!({"op": "file.put", "file_path": path, "content": format!("{}", dice.throw(1 << 30))}),
            3 => json!({"op": "file.delete", "file_path": path}),
            4 => json!({"op": "file.move", "from_path": path, "to_path": one_of(dice, &["a", "b", "c", "d", "e"])}),
            5 => entity("entity.delete"),
            9 => json!({"op": "asset.put", "filename": one_of(dice, &["x", "y"]), "media_type": "a/b", "asset_type": "t",
                "content_base64": one_of(dice, &["AA==", "AQ=="])}),
            10 => json!({"op": "asset.delete", "content_hash": one_of(dice, ASSETS)}),
            6 => {
                let mut op = entity("field.unset");
                op["field"] = json!(field);
                op
            }
            _ => {
                let mut op = entity("field.set");
                op["field"] = json!(field);
                op["value"] = json!(dice.throw(4));
                op
            }
        }
    });
    ops.collect()
}

/// A write of a document. Of one that is not there, or is deleted, some are refused.
fn write_doc(dice: &mut Dice, side: &mut Side) {
    let doc = one_of(dice, &["d", "e"]);
    let value = json!({one_of(dice, &["x", "y"]): dice.throw(3), "text": format!("one {} three", dice.throw(3)), "n": {"$counter": 1}});
    let patch = json!([{"op": "increment", "path": "/n", "by": 1 + dice.throw(3)}]);
    let (sql, json) = match dice.throw(4) {
        0 => ("SELECT quire.delete_doc($1, $2)", None),
        1 => ("SELECT quire.edit_doc($1, $2, $3)", Some(patch)),
        _ => ("SELECT quire.put_doc($1, $2, $3)", Some(value)),
    };
    drop(match json {
        Some(json) => side.client.execute(sql, &[&PROJECT, &doc, &json]),
        None => side.client.execute(sql, &[&PROJECT, &doc]),
    });
}

/// A bundle, a write of a document, an undo, or a resolution.
pub fn write_something(dice: &mut Dice, side: &mut Side) {
    match dice.throw(9) {
        7 | 8 => write_doc(dice, side),
        0..=4 => {
            // What is not there cannot be deleted or moved: such a bundle is refused whole, and that is fine.
            let sql = "SELECT quire.commit_bundle($1, $2)";
            drop(side.client.execute(sql, &[&PROJECT, &random_ops(dice)]));
        }
        5 => {
            let function = one_of(dice, &["undo", "redo"]);
            let sql = format!("SELECT quire.{function}($1, 'skip')");
            drop(side.client.execute(&sql, &[&PROJECT]));
        }
        _ => {
            let sql = "SELECT quire.resolve_conflict($1, conflict_id, to_jsonb($2::int)) FROM quire.list_conflicts($1) LIMIT 1";
            side.client.execute(sql, &[&PROJECT, &(dice.throw(4) as i32)]).expect("resolve");
        }
    }
}

/// One random step: a write, an undo, a resolution, or an exchange that may be cut off, repeated or never acknowledged.
fn step(dice: &mut Dice, sides: &mut [Side]) {
    let at = dice.throw(sides.len());
    match dice.throw(10) {
        0..=6 => write_something(dice, &mut sides[at]),
        _ => {
            let (from, to) = (at, (at + 1) % sides.len());
            let name = sides[to].name;
            let page = pull(&mut sides[from].client, name, 1 + dice.throw(4) as i32);
            let peer = sides[from].name;
            let is_cut = dice.throw(4) == 0;
            let mut transaction = sides[to].client.transaction().expect("begin");
            let checkpoint = page["checkpoint"].as_i64();
            try_push(&mut transaction, peer, &page).expect("push");
            if is_cut {
                return transaction.rollback().expect("cut off");
            }
            transaction.commit().expect("commit");
            // The acknowledgement may get lost: the same comes again and changes nothing.
            if dice.throw(3) > 0 {
                let reached = "SELECT (quire.sync_status($1, $2) -> 'checkpoint')::bigint";
                let reached: Option<i64> =
                    sides[to].client.query_one(reached, &[&PROJECT, &peer]).expect("status").get(0);
                let ack = "SELECT quire.sync_ack($1, $2, $3)";
                let seq = checkpoint.min(reached);
                sides[from].client.execute(ack, &[&PROJECT, &name, &seq]).expect("acknowledge");
            }
        }
    }
}

#[test]
fn two_databases_converge_whatever_interleaves_is_cut_off_or_comes_twice() {
    for round in 1..=12 {
        let (_a, _b, mut sides) = sides(&format!("round_{round}"));
        let mut dice = Dice::new();
        for _ in 0..60 {
            step(&mut dice, &mut sides);
        }
        let [a, b] = &mut sides;
        exchange(a, b);
        exchange(b, a);
        assert_eq!(state(&mut a.client), state(&mut b.client), "round {round}");
        let before = state(&mut a.client);
        // Once more: everything is known, nothing changes.
        assert!(
            exchange(a, b).iter().chain(&exchange(b, a)).all(|(status, _)| status == "duplicate"),
            "round {round}"
        );
        assert_eq!(state(&mut b.client), before);
        for side in [a, b] {
            log::verify(&mut side.client, PROJECT);
            assert_sound(&mut side.client, &format!("round {round}"));
        }
    }
}

/// Each hands on to the next what it has, its own and what came from others.
#[test]
fn three_databases_in_a_ring_converge() {
    for round in 1..=12 {
        let (_databases, mut sides): (Vec<Database>, Vec<Side>) =
            ["a", "b", "c"].map(|side| side_of(&format!("ring_{round}"), side)).into_iter().unzip();
        let mut dice = Dice::new();
        for _ in 0..60 {
            step(&mut dice, &mut sides);
        }
        let around = |sides: &mut Vec<Side>| {
            let mut rows = Vec::new();
            for _ in 0..2 {
                for _ in 0..3 {
                    let [from, to, ..] = sides.as_mut_slice() else { return rows };
                    rows.extend(exchange(from, to));
                    sides.rotate_left(1);
                }
            }
            rows
        };
        around(&mut sides);
        let states: Vec<Value> = sides.iter_mut().map(|side| state(&mut side.client)).collect();
        assert_eq!(states[0], states[1], "round {round}");
        assert_eq!(states[0], states[2], "round {round}");
        // What comes back to where it was made is known there.
        assert!(around(&mut sides).iter().all(|(status, _)| status == "duplicate"), "round {round}");
        for side in &mut sides {
            log::verify(&mut side.client, PROJECT);
            assert_sound(&mut side.client, &format!("round {round}"));
        }
    }
}

#[test]
fn a_conflict_shows_on_both_sides_and_is_resolved_on_both_by_one() {
    let (_a, _b, mut sides) = sides("conflict");
    let [a, b] = &mut sides;
    let set = "SELECT quire.commit_bundle($1, jsonb_build_array(jsonb_build_object('op', 'field.set',
        'entity_type', 'task', 'entity_id', '1', 'field', 'title', 'value', $2::text)))";
    a.client.execute(set, &[&PROJECT, &"first"]).expect("set");
    assert_eq!(exchange(a, b)[0].0, "applied");
    a.client.execute(set, &[&PROJECT, &"of a"]).expect("set");
    b.client.execute(set, &[&PROJECT, &"of b"]).expect("set");
    let there = exchange(a, b);
    assert_eq!(there[0].0, "conflict", "{there:?}");
    let back = exchange(b, a);
    assert_eq!(back[0].0, "conflict", "{back:?}");
    let open = "SELECT jsonb_array_length(\"values\"), shown #>> '{}' FROM quire.list_conflicts($1)";
    for side in [&mut *a, &mut *b] {
        let row = side.client.query_one(open, &[&PROJECT]).expect("one conflict");
        assert_eq!((row.get(0), row.get(1)), (2i32, "of b"), "on {}", side.name);
    }
    let resolve = "SELECT quire.resolve_conflict($1, conflict_id, '\"both\"') FROM quire.list_conflicts($1)";
    a.client.execute(resolve, &[&PROJECT]).expect("resolve");
    assert_eq!(exchange(a, b)[0].0, "applied");
    for side in [a, b] {
        assert!(
            side.client.query_opt(open, &[&PROJECT]).expect("list").is_none(),
            "settled on {}",
            side.name
        );
        assert_eq!(state(&mut side.client)["entities"], json!([["1", {"title": "both"}]]));
    }
}

#[test]
fn a_moved_file_arrives_where_its_content_was_not_kept() {
    let (_a, _b, mut sides) = sides("moved");
    let [a, b] = &mut sides;
    let put = "SELECT quire.upsert_project_file($1, $2, $3)";
    let binary = "SELECT quire.upsert_project_file_bytes($1, 'large', $2)";
    let bytes = [0u8, 1, 2, 255].repeat(500_000);
    a.client.execute(binary, &[&PROJECT, &bytes]).expect("write");
    a.client.execute(put, &[&PROJECT, &"x", &"of a"]).expect("write");
    b.client.execute(put, &[&PROJECT, &"x", &"of b, and later"]).expect("write");
    b.client.execute(put, &[&PROJECT, &"z", &"in the way"]).expect("write");
    let first: Vec<String> = exchange(a, b).into_iter().map(|(status, _)| status).collect();
    assert_eq!(first, ["applied", "conflict"]);
    for (from, to) in [("x", "y"), ("large", "z")] {
        a.client
            .execute("SELECT quire.move_project_file($1, $2, $3)", &[&PROJECT, &from, &to])
            .expect("move");
    }
    exchange(a, b);
    exchange(b, a);
    assert_eq!(state(&mut a.client), state(&mut b.client));
    let sql = "SELECT string_agg(concat_ws(' ', file_path, size, is_binary, left(content, 4)), ', ' ORDER BY file_path)
        FROM quire.project_files_current WHERE project_id = $1";
    for side in [&mut *a, &mut *b] {
        let shown: String = side.client.query_one(sql, &[&PROJECT]).expect("read").get(0);
        assert_eq!(shown, "y 4 f of a, z 2000000 t", "on {}", side.name);
    }
    // A content that was never kept is not missing, and so nothing has to be repaired.
    let sql = "SELECT quire.sync_pull($1, 'b', 100, 0)";
    let page: Value = a.client.query_one(sql, &[&PROJECT]).expect("pull").get(0);
    assert!(push(&mut b.client, "a", &page).iter().all(|row| *row == ("duplicate".to_owned(), json!([]))));
}

#[test]
fn a_value_as_deep_as_may_be_travels() {
    let (_a, _b, mut sides) = sides("deep");
    let [a, b] = &mut sides;
    let mut depth = 200;
    let sql = "SELECT quire.commit_bundle($1, jsonb_build_array(jsonb_build_object('op', 'field.set',
        'entity_type', 'task', 'entity_id', '1', 'field', 'f', 'value', (repeat('[', $2) || repeat(']', $2))::jsonb)))";
    while a.client.execute(sql, &[&PROJECT, &depth]).is_err() {
        depth -= 1;
    }
    let in_conflict = "SELECT quire.commit_bundle($1, '[{\"op\": \"field.set\", \"entity_type\": \"task\", \"entity_id\": \"1\",
        \"field\": \"f\", \"value\": 1}]')";
    b.client.execute(in_conflict, &[&PROJECT]).expect("write");
    exchange(a, b);
    exchange(b, a);
    assert_eq!(state(&mut a.client), state(&mut b.client), "{depth} levels");
    // Handed on, and exported, it is in still more.
    pull(&mut b.client, "c", 100);
    for side in [a, b] {
        let sql = "SELECT quire.import_project(quire.export_project($1), 'again')";
        side.client.execute(sql, &[&PROJECT]).unwrap_or_else(|error| panic!("{depth} levels: {error:?}"));
    }
}

/// A bundle as somebody forges it, with the checksum that it then has.
fn forged(bundle: &Value, forge: impl FnOnce(&mut Value)) -> Value {
    let mut bundle = bundle.clone();
    bundle["header"]["bundle_id"] = json!(Uuid::now_v7());
    bundle.as_object_mut().expect("a bundle").remove("log");
    forge(&mut bundle);
    let parsed = Bundle::parse("forged", &bundle).expect("a bundle");
    let ops: Vec<_> = parsed.ops.iter().map(|sent| sent.op.checksum().expect("a checksum")).collect();
    bundle["checksum"] = json!(checksum(&parsed.previous, &parsed.header, &ops).expect("a checksum"));
    bundle
}

#[test]
fn forged_bundles_with_sound_checksums_leave_a_sound_project() {
    let (_a, _b, mut sides) = sides("forged");
    let [a, b] = &mut sides;
    let ops = json!([{"op": "file.put", "file_path": "f", "content": "text"}, {"op": "file.put", "file_path": "g", "content": "more"},
        {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "x", "value": 1}]);
    a.client.execute("SELECT quire.commit_bundle($1, $2)", &[&PROJECT, &ops]).expect("commit");
    exchange(a, b);
    a.client.execute("SELECT quire.move_project_file($1, 'f', 'h')", &[&PROJECT]).expect("move");
    let page: Value =
        a.client.query_one("SELECT quire.sync_pull($1, 'b', 100, 0)", &[&PROJECT]).expect("pull").get(0);
    let [first, moved] = [&page["bundles"][0], &page["bundles"][1]];
    let committed_at = first["header"]["committed_at"].as_i64().expect("a time");
    let later = json!(committed_at + 1_000_000);
    let bundles = [
        // An undo of nothing, of what is not there, of what it does not undo; a redo of an edit.
        forged(first, |it| it["header"]["kind"] = json!("undo")),
        forged(first, |it| {
            it["header"]["kind"] = json!("undo");
            it["undoes_bundle_id"] = json!(Uuid::now_v7());
            it["undoes_made_as"] = json!(1i64 << 53);
        }),
        forged(first, |it| {
            it["header"]["kind"] = json!("redo");
            it["undoes_bundle_id"] = first["header"]["bundle_id"].clone();
            it["undoes_made_as"] = json!(-1);
        }),
        forged(first, |it| {
            it["undoes_bundle_id"] = it["header"]["bundle_id"].clone();
            it["undoes_made_as"] = json!(5);
        }),
        // By others, at other times, with other numbers.
        forged(first, |it| it["header"]["actor_id"] = json!(Uuid::nil())),
        forged(first, |it| it["header"]["committed_at"] = json!(0)),
        forged(first, |it| it["header"]["seq"] = json!(-(1i64 << 53))),
        forged(first, |it| it["header"]["base_seq"] = json!(1i64 << 53)),
        forged(first, |it| it["header"]["kind"] = json!("merge_resolution")),
        // Content by its hash, said to be larger than it is, and none at all.
        forged(first, |it| {
            it["header"]["committed_at"] = later.clone();
            it["contents"] = json!([]);
            it["ops"][0]["op"]["file_path"] = json!("of another size");
            it["ops"][0]["op"]["size"] = json!(5_000_000);
            it["ops"][1]["op"]["content_hash"] = json!("0".repeat(64));
        }),
        forged(moved, |it| it["ops"][0]["moved"]["size"] = json!(512 << 20)),
        forged(first, |it| it["ops"] = json!([])),
    ];
    for bundle in &bundles {
        let page = json!({"checkpoint": 1, "bundles": [bundle]});
        let rows = push(&mut b.client, "somebody", &page);
        assert!(["applied", "conflict"].contains(&rows[0].0.as_str()), "{bundle}: {rows:?}");
        assert_sound(&mut b.client, &format!("{bundle}"));
        // What takes bundles back and forth copes with it.
        b.client.query("SELECT * FROM quire.list_undoable($1)", &[&PROJECT]).expect("list");
    }
    // Sizes that none can have are refused before anything is believed, and with them all that was sent.
    for (place, size, expected) in [
        (["op", "size"], 9_007_199_254_740_992_000i64, "PT413"),
        (["op", "size"], (512 << 20) + 1, "PT413"),
        (["op", "size"], -1, "22023"),
        (["moved", "size"], 1 << 62, "PT413"),
        (["moved", "size"], -1, "22023"),
    ] {
        let mut bundle = if place[0] == "op" { first.clone() } else { moved.clone() };
        bundle["header"]["bundle_id"] = json!(Uuid::now_v7());
        bundle["ops"][0][place[0]][place[1]] = json!(size);
        let sql = "SELECT * FROM quire.sync_push($1, 'somebody', 1, $2)";
        let error = b.client.query(sql, &[&PROJECT, &json!([bundle])]).expect_err("refused");
        assert_eq!(error.code().map(|code| code.code()), Some(expected), "{place:?} {size}");
    }
    let sizes = "SELECT string_agg(file_path || ' ' || size, ', ' ORDER BY file_path)
        FROM quire.project_files_current WHERE project_id = $1";
    let shown: String = b.client.query_one(sizes, &[&PROJECT]).expect("read").get(0);
    assert_eq!(shown, "g 4, h 4, of another size 4");
    // The same id with other content is the bundle that is known.
    let id = &first["header"]["bundle_id"];
    let other = forged(first, |it| {
        it["header"]["bundle_id"] = id.clone();
        it["ops"][0]["op"]["file_type"] = json!("other");
    });
    let rows = push(&mut b.client, "somebody", &json!({"checkpoint": 1, "bundles": [other]}));
    assert_eq!(rows, [("duplicate".to_owned(), json!([]))]);
    // A copy that came corrupt is forgotten when a sound one comes.
    let mut corrupt = first.clone();
    corrupt["header"]["message"] = json!("corrupt");
    let open = "SELECT count(*) FROM quire.list_quarantine($1)";
    for (bundle, status, entries) in [(&corrupt, "quarantined", 1i64), (first, "duplicate", 0)] {
        let rows = push(&mut b.client, "a", &json!({"checkpoint": 1, "bundles": [bundle]}));
        assert_eq!(rows[0].0, status);
        let count: i64 = b.client.query_one(open, &[&PROJECT]).expect("list").get(0);
        assert_eq!(count, entries, "after {status}");
    }
    let (mut export, name) = (Vec::new(), "again");
    for row in b.client.query("SELECT quire.export_project($1)", &[&PROJECT]).expect("export") {
        export = row.get::<_, Vec<u8>>(0);
    }
    b.client.execute("SELECT quire.import_project($1, $2)", &[&export, &name]).expect("import");
    log::verify(&mut b.client, PROJECT);
}

#[test]
fn who_sends_the_same_at_the_same_time_is_told_that_it_is_known() {
    let (_a, b_db, mut sides) = sides("same_time");
    let [a, b] = &mut sides;
    a.client.execute("SELECT quire.upsert_project_file($1, 'f', 'x')", &[&PROJECT]).expect("write");
    let page = pull(&mut a.client, "b", 100);
    let mut first = b.client.transaction().expect("begin");
    let sql = "SELECT status FROM quire.sync_push($1, 'a', 1, $2)";
    let status: String = first.query_one(sql, &[&PROJECT, &page["bundles"]]).expect("push").get(0);
    assert_eq!(status, "applied");
    let mut second = b_db.client("peers_same_time_b");
    let (bundles, pid) = (page["bundles"].clone(), backend_pid(&mut second));
    let waiting = std::thread::spawn(move || {
        second.query_one(sql, &[&PROJECT, &bundles]).map(|row| row.get::<_, String>(0))
    });
    wait_until_blocked(&b_db, pid);
    first.commit().expect("commit");
    let status = waiting.join().expect("ends").expect("push");
    assert_eq!(status, "duplicate");
}

/// Spoils a row of a database, past its guards.
fn spoil(database: &Database, statement: &str) {
    let mut client = database.client("postgres");
    client.batch_execute(&format!("SET session_replication_role = replica; {statement}")).expect("spoil");
}

#[test]
fn what_is_corrupt_does_not_spread_and_a_peer_repairs_it() {
    let (a_db, _b, mut sides) = sides("repair");
    let [a, b] = &mut sides;
    let ops = json!([
        {"op": "file.put", "file_path": "small", "content": "a small text"},
        {"op": "file.put", "file_path": "large", "content": "0123456789".repeat(250_000)},
        {"op": "field.set", "entity_type": "task", "entity_id": "1", "field": "x", "value": 1}]);
    let commit = "SELECT quire.commit_bundle($1, $2, message => 'sound')";
    a.client.execute(commit, &[&PROJECT, &ops]).expect("commit");
    exchange(a, b);
    let sound = state(&mut a.client);
    for statement in [
        "UPDATE quire_store.blob SET bytes = set_byte(bytes, 5, get_byte(bytes, 5) # 1) WHERE chunk_count = 0",
        "UPDATE quire_store.blob_chunk SET bytes = set_byte(bytes, 50, get_byte(bytes, 50) # 1) WHERE ordinal = 1",
        "UPDATE quire_store.project_files SET mode = '100755' WHERE ordinal = 1",
        "UPDATE quire_store.entity_op SET value = '2'",
        "UPDATE quire_store.bundle SET message = 'corrupt'",
    ] {
        spoil(&a_db, statement);
        let page = pull(&mut a.client, "somebody else", 100);
        assert_eq!(page["bundles"], json!([]), "{statement}");
        assert!(page["corrupt"]["quarantine_id"].is_string(), "{statement}: {page}");
        // From the beginning: what came from here comes back.
        let sql = "SELECT quire.sync_pull($1, 'a', 100, 0)";
        let copy: Value = b.client.query_one(sql, &[&PROJECT]).expect("pull").get(0);
        let rows = push(&mut a.client, "b", &copy);
        assert_eq!(rows[0].0, "duplicate", "{statement}");
        assert!(
            rows[0].1[0].as_str().is_some_and(|reason| reason.contains("repaired")),
            "{statement}: {rows:?}"
        );
        assert_sound(&mut a.client, statement);
        assert_eq!(state(&mut a.client), sound, "{statement}");
        let open = "SELECT count(*) FROM quire.list_quarantine($1)";
        assert_eq!(a.client.query_one(open, &[&PROJECT]).expect("list").get::<_, i64>(0), 0, "{statement}");
    }
    log::verify(&mut a.client, PROJECT);
}

#[test]
fn a_bundle_that_comes_corrupt_is_recorded_and_neither_it_nor_what_follows_is_applied() {
    let (_a, _b, mut sides) = sides("incoming");
    let [a, b] = &mut sides;
    // What comes from a peer is not what a person writes in a minute.
    let limit = r#"{"settings": {"rate_limit": {"per_minute": 1, "burst": 1}}}"#;
    b.client.execute("SELECT quire.update_project($1, $2::text::jsonb)", &[&PROJECT, &limit]).expect("limit");
    for n in 1..=3 {
        let sql = "SELECT quire.upsert_project_file($1, 'f' || $2::int, 'text')";
        a.client.execute(sql, &[&PROJECT, &n]).expect("write");
    }
    let page = pull(&mut a.client, "b", 100);
    let mut corrupt = page.clone();
    corrupt["bundles"][1]["ops"][0]["op"]["file_type"] = json!("other");
    let rows = push(&mut b.client, "a", &corrupt);
    let statuses: Vec<&str> = rows.iter().map(|(status, _)| status.as_str()).collect();
    assert_eq!(statuses, ["applied", "quarantined", "quarantined"]);
    let sql = "SELECT quire.sync_status($1, 'a') -> 'checkpoint', (SELECT count(*) FROM quire.list_current_files($1)),
        (SELECT string_agg(kind, ',') FROM quire.list_quarantine($1))";
    let row = b.client.query_one(sql, &[&PROJECT]).expect("status");
    assert_eq!((row.get(0), row.get(1), row.get(2)), (json!(1), 1i64, "peer_bundle"));
    // The sound copy repairs it.
    let statuses: Vec<String> =
        push(&mut b.client, "a", &page).into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses, ["duplicate", "applied", "applied"]);
    let row = b.client.query_one(sql, &[&PROJECT]).expect("status");
    assert_eq!((row.get(0), row.get(1), row.get(2)), (json!(3), 3i64, None::<String>));
    // Content that is not what its hash says is corrupt, too.
    let sql = "SELECT quire.upsert_project_file($1, 'g', 'more')";
    a.client.execute(sql, &[&PROJECT]).expect("write");
    let sql = "SELECT quire.sync_pull($1, 'b', 100, 3)";
    let mut page: Value = a.client.query_one(sql, &[&PROJECT]).expect("pull").get(0);
    // Nor is a file larger than it may be here.
    let limit = |bytes: &str| format!(r#"{{"settings": {{"max_file_bytes": {bytes}}}}}"#);
    let update = "SELECT quire.update_project($1, $2::text::jsonb)";
    b.client.execute(update, &[&PROJECT, &limit("3")]).expect("limit");
    let sql = "SELECT status FROM quire.sync_push($1, 'a', 4, $2)";
    let error = b.client.query(sql, &[&PROJECT, &page["bundles"]]).expect_err("too large");
    assert_eq!(error.code().map(|code| code.code()), Some("PT413"), "{error}");
    b.client.execute(update, &[&PROJECT, &limit("null")]).expect("no limit");
    page["bundles"][0]["contents"][0]["content_base64"] = json!("bGVzcw==");
    assert_eq!(push(&mut b.client, "a", &page)[0].0, "quarantined");
}

#[test]
fn a_file_on_one_side_and_a_directory_on_the_other_is_told_and_breaks_nothing() {
    let (_a, _b, mut sides) = sides("directory");
    let [a, b] = &mut sides;
    let put = "SELECT quire.upsert_project_file($1, $2, 'x')";
    a.client.execute(put, &[&PROJECT, &"d"]).expect("write");
    b.client.execute(put, &[&PROJECT, &"d/x"]).expect("write");
    let rows = exchange(a, b);
    assert_eq!(rows[0].0, "conflict", "{rows:?}");
    let rows = exchange(b, a);
    assert_eq!(rows[0].0, "conflict", "{rows:?}");
    // Somebody settles it on one side, and both agree.
    a.client.execute("SELECT quire.delete_project_file($1, 'd')", &[&PROJECT]).expect("delete");
    exchange(a, b);
    a.client.execute(put, &[&PROJECT, &"d/x"]).expect("write");
    exchange(a, b);
    exchange(b, a);
    assert_eq!(state(&mut a.client)["files"], state(&mut b.client)["files"]);
    for side in [a, b] {
        log::verify(&mut side.client, PROJECT);
    }
}
