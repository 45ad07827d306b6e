//! The order of the SQL files in the install script, and the error table as SQL sees it.

use pgrx::prelude::*;
use quire_core::error::Code;
use quire_core::reason::Reason;

/// Tells pgrx of the storage schema, which bootstrap.sql creates.
#[pg_schema]
mod quire_store {}

extension_sql_file!("../sql/schema/bootstrap.sql", name = "bootstrap_schema", bootstrap);
extension_sql_file!("../sql/schema/auth.sql", name = "auth", requires = ["bootstrap_schema"]);
extension_sql_file!("../sql/schema/project.sql", name = "project", requires = ["auth"]);
extension_sql_file!("../sql/schema/blob.sql", name = "blob", requires = ["project"]);
extension_sql_file!("../sql/schema/bundle.sql", name = "bundle", requires = ["project"]);
extension_sql_file!("../sql/schema/file.sql", name = "file", requires = ["blob", "bundle"]);
extension_sql_file!("../sql/schema/entity.sql", name = "entity", requires = ["bundle"]);
extension_sql_file!("../sql/schema/peer.sql", name = "peer", requires = ["project"]);
extension_sql_file!("../sql/schema/recovery.sql", name = "recovery", requires = ["project"]);
extension_sql_file!("../sql/schema/asset.sql", name = "asset", requires = ["bundle"]);
extension_sql_file!(
    "../sql/schema/gc.sql",
    name = "gc",
    requires = ["file", "asset", "snapshot", "job", "recovery"]
);
extension_sql_file!("../sql/schema/event.sql", name = "event", requires = ["project"]);
extension_sql_file!("../sql/schema/channel.sql", name = "channel", requires = ["project"]);
extension_sql_file!("../sql/schema/sink.sql", name = "sink", requires = ["project"]);
extension_sql_file!("../sql/schema/token.sql", name = "token", requires = ["project"]);
extension_sql_file!("../sql/schema/snapshot.sql", name = "snapshot", requires = ["project"]);
extension_sql_file!("../sql/schema/job.sql", name = "job", requires = ["project"]);
extension_sql_file!(
    "../sql/schema/policy.sql",
    name = "policy",
    requires = [
        "file",
        "entity",
        "recovery",
        "peer",
        "asset",
        "gc",
        "event",
        "channel",
        "sink",
        "token",
        "snapshot",
        "job",
        gate::row_security::readable_projects,
        gate::row_security::may_read_project
    ]
);
extension_sql_file!(
    "../sql/schema/view.sql",
    name = "view",
    requires = [
        "policy",
        definer::flushed,
        blob::api::missing_text,
        blob::api::gone_text,
        blob::api::decode_text,
        blob::api::decode_text_chunks,
    ]
);
extension_sql_file!("../sql/schema/reader.sql", name = "reader", requires = ["view"]);
extension_sql_file!("../sql/schema/finalize.sql", name = "finalize_schema", requires = ["reader"], finalize);

/// Every condition a function can raise, for generated documentation.
#[pg_extern(schema = "quire_store", immutable, parallel_safe)]
fn error_codes()
-> TableIterator<'static, (name!(sqlstate, String), name!(code, String), name!(description, String))> {
    TableIterator::new(
        Code::ALL
            .map(|code| (code.sqlstate().to_owned(), code.name().to_owned(), code.description().to_owned())),
    )
}

/// Every `reason` that DETAIL can have, for generated documentation.
#[pg_extern(schema = "quire_store", immutable, parallel_safe)]
fn error_reasons() -> TableIterator<
    'static,
    (name!(reason, String), name!(sqlstates, Vec<String>), name!(meaning, String), name!(remedy, String)),
> {
    TableIterator::new(Reason::ALL.map(|reason| {
        let sqlstates = reason.codes().iter().map(|code| code.sqlstate().to_owned()).collect();
        (reason.as_str().to_owned(), sqlstates, reason.meaning().to_owned(), reason.remedy().to_owned())
    }))
}
