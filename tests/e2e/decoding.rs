//! What logical decoding hands out, and what statistics of statements keep: no token can be made from either.

use crate::cluster::{Cluster, Database};
use crate::steps::{ensure_role, refusal};
use crate::tokens::{
    assert_holds_no_secret, assert_holds_no_token, authenticate, contains, kept_half, mint,
    project_with_token, stored_halves, tag_of, work_with_tokens,
};
use postgres::Client;
use quire_core::ability::Abilities;
use quire_core::id::{KeyId, ProjectId, TokenId};
use quire_core::token::{self, Root, key_of_halves};
use uuid::Uuid;

#[test]
fn whoever_decodes_everything_can_make_no_token() {
    let cluster = Cluster::start("decoded", &[("wal_level", "logical")]);
    let database = cluster.empty_database("app");
    ensure_role(&database, "decoder", "LOGIN REPLICATION");
    // From before the first key is made; a role without any grant needs no more.
    database.psql("CREATE PUBLICATION everything FOR ALL TABLES");
    let mut decoder = database.client("decoder");
    for plugin in ["test_decoding", "pgoutput"] {
        let sql = "SELECT pg_create_logical_replication_slot($1, $1)";
        decoder.execute(sql, &[&plugin]).expect("make a slot");
    }
    database.client("postgres").batch_execute("CREATE EXTENSION quire").expect("create the extension");
    let mut tokens = work_with_tokens(&database);
    let (project, token) = project_with_token(&database, "decoded_owner", "project:read, file:write", "");
    tokens.push(token.clone());
    // Rewritten tables are decoded for those who ask.
    database.psql("VACUUM FULL quire_store.secret");

    let stream = decoded(&mut decoder);
    let halves = stored_halves(&database);
    assert_eq!(halves.len(), 2, "an old key and a new one");
    let kept = kept_half(&database);
    for (_, stored) in &halves {
        let hex: String = stored.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(contains(&stream, hex.as_bytes()), "the stored half travels, so we look at the right place");
        assert_holds_no_secret(&stream, &key_of_halves(&kept, stored));
    }
    assert_holds_no_secret(&stream, &kept);
    for eight in kept.chunks_exact(8) {
        let number = i64::from_be_bytes(eight.try_into().expect("eight bytes")).to_string();
        assert!(!contains(&stream, number.as_bytes()), "a part of the half that the server keeps");
    }
    for token in &tokens {
        assert_holds_no_token(&stream, token);
    }

    // The row of a token says all of its text but the tag. The tag of what travels is not the token's, that of the key is.
    let mut admin = database.client("postgres");
    let root = root_of(&mut admin, project);
    let (_, stored) = *halves.iter().find(|(key, _)| *key == root.key.0).expect("the key of the token");
    let made = |secret: &[u8; 32]| token::mint(secret, &root).expect("mint");
    assert_eq!(made(&key_of_halves(&kept, &stored)), token);
    for secret in [stored, key_of_halves(&[0; 32], &stored), key_of_halves(&stored, &stored)] {
        assert_eq!(refusal(authenticate(&mut admin, &made(&secret))).state, "42501");
    }
}

/// Everything that a role with REPLICATION gets, as text and as the protocol's bytes.
fn decoded(decoder: &mut Client) -> Vec<u8> {
    let sql =
        "SELECT data FROM pg_logical_slot_peek_changes('test_decoding', NULL, NULL, 'include-rewrites', '1')";
    let rows = decoder.query(sql, &[]).expect("decode");
    let mut stream: Vec<u8> = rows.iter().flat_map(|row| row.get::<_, String>(0).into_bytes()).collect();
    assert!(contains(&stream, b"table quire_store.token: INSERT:"), "rows are decoded");
    let sql = "SELECT data FROM pg_logical_slot_peek_binary_changes('pgoutput', NULL, NULL,
        'proto_version', '1', 'publication_names', 'everything', 'messages', 'true')";
    let rows = decoder.query(sql, &[]).expect("decode");
    let start = stream.len();
    stream.extend(rows.iter().flat_map(|row| row.get::<_, Vec<u8>>(0)));
    assert!(contains(&stream[start..], b"project:read"), "rows are decoded");
    stream
}

/// What the row of the project's one token says of its text.
fn root_of(admin: &mut Client, project: Uuid) -> Root {
    let sql = "SELECT key_id, token_id, abilities, (extract(epoch FROM expires_at) * 1000000)::bigint
        FROM quire_store.token WHERE project_id = $1";
    let row = admin.query_one(sql, &[&project]).expect("read the token's row");
    Root {
        key: KeyId(row.get(0)),
        token: TokenId(row.get(1)),
        project: ProjectId(project),
        abilities: Abilities::parse(&row.get::<_, Vec<String>>(2)).expect("abilities"),
        expires_at: row.get(3),
        audience: None,
        max_uses: None,
    }
}

#[test]
fn statistics_of_statements_hold_no_token() {
    let cluster = Cluster::start(
        "statements",
        &[
            ("shared_preload_libraries", "pg_stat_statements"),
            ("pg_stat_statements.track", "all"),
            ("pg_stat_statements.track_utility", "on"),
            ("pg_stat_statements.track_planning", "on"),
            ("compute_query_id", "on"),
        ],
    );
    let database = cluster.database("app");
    let mut admin = database.client("postgres");
    admin.batch_execute("CREATE EXTENSION pg_stat_statements").expect("create the extension");
    // As parameters, which is how a program passes them.
    let mut tokens = work_with_tokens(&database);
    // As literals, at the top, in functions and in statements that functions put together; and when they are refused.
    let (project, token) = project_with_token(&database, "statements_owner", "project:read, file:write", "");
    let mut owner = database.client("statements_owner");
    let other = mint(&mut owner, project, "project:read", "1 hour", "");
    owner
        .batch_execute(
            "CREATE FUNCTION pg_temp.present(token text) RETURNS jsonb LANGUAGE plpgsql AS
             'BEGIN PERFORM quire.authenticate(token); EXECUTE format($$SELECT quire.authenticate(%L)$$, token);
                    RETURN quire.whoami(); END';
             CREATE FUNCTION pg_temp.present_sql(token text) RETURNS jsonb LANGUAGE sql AS
             'SELECT quire.authenticate(token)'",
        )
        .expect("make functions");
    for text in [&token, &other] {
        for statement in [
            format!("SELECT quire.authenticate('{text}')"),
            format!("SELECT pg_temp.present('{text}')"),
            format!("SELECT pg_temp.present_sql('{text}')"),
            format!("SELECT quire.attenuate_token('{text}', '{{project:read}}', '1 minute')"),
            format!("PREPARE present AS SELECT quire.authenticate('{text}')"),
            "EXECUTE present; DEALLOCATE present".to_owned(),
            format!(
                "PREPARE present(text) AS SELECT quire.authenticate($1); EXECUTE present('{text}'); DEALLOCATE present"
            ),
        ] {
            owner.batch_execute(&statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        }
        let forged = format!("{}{}", &text[..text.len() - 1], if text.ends_with('A') { 'B' } else { 'A' });
        let wrong = owner.batch_execute(&format!("SELECT quire.authenticate('{forged}')"));
        assert_eq!(refusal(wrong).state, "42501");
        tokens.push(forged);
    }
    tokens.extend([token, other]);

    let kept = statements(&database);
    for statement in ["SELECT quire.authenticate($1)", "quire_store.token", "quire.authenticate(token)"] {
        assert!(kept.contains(statement), "{statement} is among the statistics");
    }
    for token in &tokens {
        assert_holds_no_token(kept.as_bytes(), token);
    }
    let keys = stored_halves(&database);
    let half = kept_half(&database);
    assert_holds_no_secret(kept.as_bytes(), &half);
    for (_, stored) in keys {
        assert_holds_no_secret(kept.as_bytes(), &[stored, key_of_halves(&half, &stored)].concat());
    }
    // The statements that PostgreSQL keeps as they were sent, as the guide says; this also shows what would be found.
    let shown = tokens.last().expect("a token");
    owner
        .batch_execute(&format!("DO $$BEGIN PERFORM quire.authenticate('{shown}'); END$$"))
        .expect("present");
    assert!(statements(&database).contains(tag_of(shown)));
}

/// The texts of all statements.
fn statements(database: &Database) -> String {
    database.psql("SELECT string_agg(query, E'\\n') FROM pg_stat_statements")
}
