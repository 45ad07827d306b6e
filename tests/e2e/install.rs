//! Installation: nobody who prepared the schema gets anything run as superuser.

use crate::cluster::{Database, shared};
use crate::steps::{ensure_role, refusal};

/// What a tenant may put into a schema that an administrator has made.
const PREPARED: &[&str] = &[
    "CREATE FUNCTION quire.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE PROCEDURE quire.p() LANGUAGE sql AS 'SELECT 1'",
    "CREATE AGGREGATE quire.a(integer) (SFUNC = pg_catalog.int4pl, STYPE = integer)",
    "CREATE OPERATOR quire.= (FUNCTION = pg_catalog.nameeqtext, LEFTARG = name, RIGHTARG = text)",
    "CREATE TABLE quire.t ()",
    "CREATE VIEW quire.v AS SELECT 1",
    "CREATE MATERIALIZED VIEW quire.m AS SELECT 1",
    "CREATE SEQUENCE quire.s",
    "CREATE TYPE quire.c AS (x integer)",
    "CREATE TYPE quire.e AS ENUM ('x')",
    "CREATE TYPE quire.r AS RANGE (SUBTYPE = integer)",
    "CREATE DOMAIN quire.uuid AS integer",
    "CREATE COLLATION quire.\"C\" FROM \"POSIX\"",
    "CREATE CONVERSION quire.n FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
    "CREATE TEXT SEARCH CONFIGURATION quire.simple (COPY = pg_catalog.simple)",
    "CREATE TEXT SEARCH DICTIONARY quire.d (TEMPLATE = pg_catalog.simple)",
    "CREATE FOREIGN TABLE quire.ft () SERVER install_server",
];

fn prepared(name: &str) -> Database {
    let database = shared().empty_database(name);
    ensure_role(&database, "install_tenant", "LOGIN");
    database.psql(
        "CREATE FOREIGN DATA WRAPPER install_wrapper; CREATE SERVER install_server FOREIGN DATA WRAPPER install_wrapper;
         GRANT USAGE ON FOREIGN SERVER install_server TO install_tenant",
    );
    database
}

#[test]
fn a_schema_that_holds_anything_is_refused_whatever_it_is() {
    let database = prepared("install_prepared");
    let mut admin = database.client("postgres");
    for statement in PREPARED {
        admin
            .batch_execute("CREATE SCHEMA quire; GRANT ALL ON SCHEMA quire TO install_tenant")
            .expect("make the schema");
        let mut tenant = database.client("install_tenant");
        tenant.batch_execute(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        // Not even when nobody may add to it any more.
        admin.batch_execute("REVOKE ALL ON SCHEMA quire FROM install_tenant").expect("revoke");
        let refused = refusal(admin.batch_execute("CREATE EXTENSION quire"));
        assert_eq!(refused.message, "schema quire must be empty", "{statement}");
        admin.batch_execute("DROP SCHEMA quire CASCADE").expect("drop");
    }
}

#[test]
fn a_schema_that_others_own_or_may_add_to_is_refused() {
    let database = prepared("install_others");
    let mut admin = database.client("postgres");
    for (statement, message) in [
        (
            "CREATE SCHEMA quire AUTHORIZATION install_tenant",
            "schema quire must belong to the installing role",
        ),
        (
            "CREATE SCHEMA quire; GRANT CREATE ON SCHEMA quire TO install_tenant",
            "nobody but the installing role may have CREATE on schema quire",
        ),
        (
            "CREATE SCHEMA quire; GRANT ALL ON SCHEMA quire TO PUBLIC",
            "nobody but the installing role may have CREATE on schema quire",
        ),
        (
            "ALTER DEFAULT PRIVILEGES GRANT CREATE ON SCHEMAS TO install_tenant",
            "nobody but the installing role may have CREATE on schema quire",
        ),
    ] {
        admin.batch_execute(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        assert_eq!(refusal(admin.batch_execute("CREATE EXTENSION quire")).message, message, "{statement}");
        admin
            .batch_execute(
                "DROP SCHEMA IF EXISTS quire; ALTER DEFAULT PRIVILEGES REVOKE CREATE ON SCHEMAS FROM install_tenant",
            )
            .expect("tidy up");
    }
    // One that is empty and the installer's own is taken.
    admin.batch_execute("CREATE SCHEMA quire; CREATE EXTENSION quire").expect("create the extension");
}

#[test]
fn what_a_tenant_has_in_public_does_not_reach_the_script() {
    let database = prepared("install_public");
    let mut admin = database.client("postgres");
    admin.batch_execute("GRANT ALL ON SCHEMA public TO install_tenant").expect("grant");
    // Everything quire's script could mistake for PostgreSQL's own, made to raise.
    database.client("install_tenant").batch_execute(
        "CREATE FUNCTION public.spring(name, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'sprung as %', current_user; END$$;
         CREATE OPERATOR public.= (FUNCTION = public.spring, LEFTARG = name, RIGHTARG = text);
         CREATE OPERATOR public.<> (FUNCTION = public.spring, LEFTARG = name, RIGHTARG = text);
         CREATE FUNCTION public.format(text, name) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'sprung as %', current_user; END$$",
    ).expect("set the traps");
    admin.batch_execute("SET search_path = public; CREATE EXTENSION quire").expect("create the extension");
}
