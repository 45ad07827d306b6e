//! Templates, clones, libraries, exports and imports.

use crate::bundle::Receipt;
use crate::call::{calls, options};
use quire_core::id::{CorrelationId, ProjectId};
use serde_json::Value;

options! {
    /// Optional arguments of [`import_from_library`](crate::Quire::import_from_library).
    ImportOptions<'a> {
        /// An array of {entity_type, entity_id}.
        entities: &'a Value,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
        /// Content hashes of assets. An asset whose content is archived arrives archived.
        assets: &'a [&'a str],
    }
}

calls! {
    /// Makes a new private project of the same kind with the current files, entities and assets and the settings. The
    /// caller owns the clone. It has no history, members, tags, tokens, subscriptions or snapshots. An asset whose
    /// content is archived arrives archived.
    fn clone_project(project_uuid: ProjectId, name: &str) -> ProjectId;

    /// Makes a new private project of kind workspace with what a template holds now and with its settings. The caller
    /// owns the new project.
    fn create_project_from_template(template_id: ProjectId, name: &str) -> ProjectId;

    /// Makes a template of a project: a new private project of kind template, owned by the caller. It gets the files,
    /// entities and assets as they were at a seq, and the settings. Owners and editors change a template like any
    /// project; `archive_project` makes it immutable and `update_project` makes it public.
    fn create_template(project_uuid: ProjectId, name: &str; at_seq: i64) -> ProjectId;

    /// Packs everything that a project is and was into a zip archive that can be read without quire; its README.txt
    /// explains it. The archive has the current files, every content by its BLAKE3, and as JSON Lines bundles,
    /// operations, versions, entities, assets, conflicts, tags, members, and the contents that are archived, collected or
    /// in quarantine and therefore missing. An operation that does not match its checksum is in the archive as it is
    /// stored, and history/damaged names it; `import_project` refuses such an archive. Tokens, keys, receipts,
    /// subscriptions and snapshots are not in it. The same state gives the same bytes.
    fn export_project(project_uuid: ProjectId) -> Vec<u8>;

    /// Copies files, entities and assets of a library into a project, as one bundle of kind import. What the project has
    /// already becomes what it is in the library: a file gets a new version, and fields that the entity of the library
    /// does not have are cleared. undo takes the import back.
    fn import_from_library(
        project_uuid: ProjectId, library_uuid: ProjectId, paths: &[&str];
        ..ImportOptions<'_>
    ) -> Receipt;

    /// Makes a new private project from an archive of `export_project`, with its past. The caller owns it. Bundle n of
    /// the archive becomes bundle n of the project: of kind import, by the caller, with the same operations and message.
    /// details.imported of a bundle has what it was: {project_id, seq, bundle_id, kind, actor, author, committed_at,
    /// base_seq, correlation_id, checksum, details}. Kind, settings and tags come along; members and conflicts do not.
    /// Content that the archive lists as archived or collected is so in the project, too (PT410 to read it). The limits
    /// of the settings hold from then on. Every content, operation and bundle is verified against its checksum before
    /// anything is written.
    fn import_project(archive: &[u8]; name: &str) -> ProjectId;
}
