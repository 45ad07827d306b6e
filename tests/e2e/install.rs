//! Installation: nobody who prepared the schema gets anything run as superuser or given to quire's roles, and everything is
//! granted as the script says.

use crate::cluster::{Cluster, Database, shared};
use crate::steps::{backend_pid, ensure_role, refusal, wait_until_blocked};

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

/// Something that the script takes for its own would end as quire_owner's.
#[test]
fn what_comes_into_the_schema_while_the_script_waits_is_refused() {
    // The roles are there, so that no other test waits for this one's.
    shared().database("install_roles");
    let database = prepared("install_meanwhile");
    let mut admin = database.client("postgres");
    let mut holder = database.client("postgres");
    let mut installer = database.client("postgres");
    let pid = backend_pid(&mut installer);
    for (statement, what) in [
        (
            "CREATE FUNCTION quire.pwn(text) RETURNS text SECURITY DEFINER LANGUAGE plpgsql AS
             'DECLARE r text; BEGIN EXECUTE $1 INTO r; RETURN current_user || r; END'",
            "function quire.pwn(pg_catalog.text)",
        ),
        // As an overload of a function that guests may call.
        (
            "CREATE FUNCTION quire.authenticate(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            "function quire.authenticate(integer)",
        ),
        ("CREATE PROCEDURE quire.p() LANGUAGE sql AS 'SELECT 1'", "procedure quire.p()"),
        ("CREATE TABLE quire.mine ()", "table quire.mine"),
        ("CREATE SEQUENCE quire.s", "sequence quire.s"),
        ("CREATE TYPE quire.e AS ENUM ('x')", "type quire.e"),
        (
            "CREATE OPERATOR quire.= (FUNCTION = pg_catalog.nameeqtext, LEFTARG = name, RIGHTARG = text)",
            "operator quire.=(pg_catalog.name,pg_catalog.text)",
        ),
    ] {
        admin.batch_execute("CREATE SCHEMA quire").expect("make the schema");
        let mut held = holder.transaction().expect("begin");
        held.batch_execute("CREATE SCHEMA quire_store").expect("hold the name");
        let refused = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| refusal(installer.batch_execute("CREATE EXTENSION quire")));
            wait_until_blocked(&database, pid);
            admin.batch_execute("GRANT ALL ON SCHEMA quire TO install_tenant").expect("grant");
            let mut tenant = database.client("install_tenant");
            tenant.batch_execute(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
            held.rollback().expect("give up the name");
            waiting.join().expect("the installer")
        });
        assert_eq!(
            refused.message.replace("pg_catalog.", ""),
            format!("schemas quire and quire_store must hold nothing else: {what}")
                .replace("pg_catalog.", ""),
        );
        admin.batch_execute("DROP SCHEMA quire CASCADE").expect("drop");
    }
}

/// Everything of quire's that has grants, with its owner, its grants and what pg_dump takes for those of the extension.
const GRANTS: &str = "
    SELECT format('%s | %s | %s | %s', i.type, i.identity, o.owner::regrole, o.acl) || ' | ' ||
        COALESCE((SELECT initprivs::text FROM pg_init_privs p WHERE (p.objoid, p.classoid, p.objsubid) = (o.objid, o.classid, o.sub)), '')
    FROM (
        SELECT 'pg_class'::regclass AS classid, c.oid AS objid, 0 AS sub, c.relowner AS owner, c.relacl AS acl
        FROM pg_class c WHERE c.relnamespace::regnamespace::text IN ('quire', 'quire_store') AND c.relkind NOT IN ('i', 'c')
        UNION ALL
        SELECT 'pg_class'::regclass, c.oid, a.attnum, c.relowner, a.attacl
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace::regnamespace::text IN ('quire', 'quire_store') AND a.attacl IS NOT NULL
        UNION ALL
        SELECT 'pg_proc'::regclass, p.oid, 0, p.proowner, p.proacl
        FROM pg_proc p WHERE p.pronamespace::regnamespace::text IN ('quire', 'quire_store')
        UNION ALL
        SELECT 'pg_type'::regclass, t.oid, 0, t.typowner, t.typacl
        FROM pg_type t WHERE t.typnamespace::regnamespace::text IN ('quire', 'quire_store') AND t.typtype <> 'b'
        UNION ALL
        SELECT 'pg_namespace'::regclass, n.oid, 0, n.nspowner, n.nspacl FROM pg_namespace n WHERE n.nspname IN ('quire', 'quire_store')
    ) AS o CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, o.sub) i ORDER BY 1";

#[test]
fn default_privileges_of_the_installing_role_change_no_grant() {
    let usual = shared().database("install_usual");
    let expected = usual.psql(GRANTS);
    assert!(expected.lines().count() > 200, "{expected}");
    let database = prepared("install_defaults");
    for defaults in [
        "GRANT ALL ON TABLES TO install_tenant, PUBLIC",
        "GRANT ALL ON SEQUENCES TO install_tenant WITH GRANT OPTION",
        "GRANT ALL ON FUNCTIONS TO install_tenant",
        "GRANT ALL ON TYPES TO install_tenant",
        "GRANT USAGE ON SCHEMAS TO install_tenant, quire_user",
        "GRANT ALL ON TABLES TO quire_guest, quire_owner",
        // What an owner has by default can be taken away.
        "REVOKE ALL ON TABLES FROM postgres",
        "REVOKE ALL ON SEQUENCES FROM postgres",
        "REVOKE ALL ON FUNCTIONS FROM postgres, PUBLIC",
        "REVOKE ALL ON TYPES FROM postgres, PUBLIC",
        "REVOKE ALL ON SCHEMAS FROM postgres",
    ] {
        database.psql(&format!("ALTER DEFAULT PRIVILEGES {defaults}"));
    }
    database.psql("CREATE EXTENSION quire");
    assert_eq!(database.psql(GRANTS), expected);
    // An owner can do what owners can.
    database.psql("SELECT quire.upsert_project_file(quire.create_project('works'), 'a', 'x')");

    let grantees = "SELECT DISTINCT a.grantee::regrole FROM (
            SELECT relacl AS acl FROM pg_class WHERE relnamespace::regnamespace::text IN ('quire', 'quire_store')
            UNION ALL SELECT attacl FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
                WHERE c.relnamespace::regnamespace::text IN ('quire', 'quire_store')
            UNION ALL SELECT proacl FROM pg_proc WHERE pronamespace::regnamespace::text IN ('quire', 'quire_store')
            UNION ALL SELECT typacl FROM pg_type WHERE typnamespace::regnamespace::text IN ('quire', 'quire_store')
            UNION ALL SELECT nspacl FROM pg_namespace WHERE nspname = 'quire_store'
        ) AS o CROSS JOIN LATERAL aclexplode(o.acl) a ORDER BY 1";
    let named: Vec<String> = database.psql(grantees).lines().map(str::to_owned).collect();
    assert!(named.iter().all(|role| role.starts_with("quire_")), "{named:?}");
    let schema = "SELECT string_agg(DISTINCT a.grantee::regrole::text, ' ' ORDER BY a.grantee::regrole::text)
        FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a WHERE n.nspname = 'quire'";
    assert_eq!(database.psql(schema), "postgres quire_guest quire_owner");
}

#[test]
fn roles_that_were_there_before_bring_nobody_in() {
    let cluster = Cluster::start("install_foreign_roles", &[]);
    let database = cluster.empty_database("app");
    let mut admin = database.client("postgres");
    admin.batch_execute("CREATE ROLE others; CREATE ROLE somebody").expect("make roles");
    for role in ["quire_owner", "quire_sink"] {
        for (grant, undo, message) in [
            (
                format!("CREATE ROLE {role}; GRANT others, pg_read_all_data TO {role}"),
                format!("DROP ROLE {role}"),
                format!("role {role} exists and is a member of others, pg_read_all_data"),
            ),
            (
                format!("CREATE ROLE {role}; GRANT {role} TO somebody"),
                format!("DROP ROLE {role}"),
                format!("role {role} exists and has members or attributes"),
            ),
            (
                format!("CREATE ROLE {role} CREATEDB"),
                format!("DROP ROLE {role}"),
                format!("role {role} exists and has members or attributes"),
            ),
        ] {
            admin.batch_execute(&grant).unwrap_or_else(|error| panic!("{grant}: {error:?}"));
            assert_eq!(refusal(admin.batch_execute("CREATE EXTENSION quire")).message, message, "{grant}");
            admin.batch_execute(&undo).expect("undo");
        }
    }
    // Administrators from before are told, and stay: they may be those of an earlier installation.
    admin.batch_execute("CREATE EXTENSION quire").expect("create the extension");
    assert!(!cluster.log().contains("quire_admin has members"), "{}", cluster.log());
    admin.batch_execute("GRANT quire_admin TO somebody, others").expect("grant");
    admin.batch_execute("DROP EXTENSION quire; CREATE EXTENSION quire").expect("create it again");
    assert!(cluster.log().contains("quire_admin has members already: others, somebody"), "{}", cluster.log());
    let sql = "SELECT count(*) FROM pg_auth_members WHERE roleid = 'quire_admin'::regrole";
    assert_eq!(database.psql(sql), "2");
}
