//! Projects and their members.

use crate::answer::time;
use crate::call::{calls, objects, options, rows};
use quire_core::id::{ActorId, ProjectId};
use serde_json::Value;
use std::time::SystemTime;

options! {
    /// Optional arguments of [`create_project`](crate::Quire::create_project).
    CreateProjectOptions<'a> {
        /// The id of the new project. By default the server makes a UUIDv7.
        project_uuid: ProjectId,
        /// Private, or public: everybody may read it.
        visibility: &'a str,
        /// An object of settings; `update_project` lists them.
        settings: &'a Value,
        /// Workspace, or library: a project that `import_from_library` copies from.
        kind: &'a str,
    }
}

rows! {
    /// A member of a project.
    Member {
        /// The id of the actor.
        member: ActorId,
        /// What the person is called.
        display_name: Option<String>,
        /// Owner, editor or viewer.
        role: String,
        /// The actor who added the member.
        added_by: ActorId,
        /// When the member was added.
        added_at: SystemTime,
    }

    /// A project in a list.
    ListedProject {
        /// The id of the project.
        project_id: ProjectId,
        /// Its name.
        name: String,
        /// Workspace, template or library.
        kind: String,
        /// Private or public.
        visibility: String,
        /// Active or archived.
        status: String,
        /// The caller's role for an administrator who is no member.
        role: Option<String>,
        /// The newest bundle.
        seq: i64,
        /// When the newest bundle was committed.
        changed_at: SystemTime,
        /// The checksum of the newest bundle.
        checksum: String,
    }
}

objects! {
    /// A project with its settings and its totals.
    Project {
        /// The id.
        project_id: ProjectId,
        /// The name.
        name: String,
        /// Workspace, template or library.
        kind: String,
        /// Private or public.
        visibility: String,
        /// Active or archived.
        status: String,
        /// The settings, as an object.
        settings: Value,
        /// The did:key that is the root of its UCANs.
        did: Option<String>,
        /// The caller's role, if the caller is a member.
        role: Option<String>,
        /// The actor who made the project.
        created_by: ActorId,
        /// When it was made.
        #[serde(deserialize_with = "time")]
        created_at: SystemTime,
        /// When its name, visibility, settings or status changed last.
        #[serde(deserialize_with = "time")]
        updated_at: SystemTime,
        /// The newest bundle.
        seq: i64,
        /// The checksum of that bundle.
        checksum: String,
        /// The number of current files.
        file_count: i64,
        /// Their size in bytes.
        total_bytes: i64,
        /// The size of all live assets in bytes.
        asset_bytes: i64,
    }

    /// How much a project holds.
    ProjectStats {
        /// The project.
        project_id: ProjectId,
        /// The newest bundle.
        seq: i64,
        /// The number of bundles.
        bundles: i64,
        /// The number of current files.
        files: i64,
        /// Their size in bytes.
        file_bytes: i64,
        /// The number of versions of files.
        versions: i64,
        /// The number of contents that are present.
        blobs: i64,
        /// Their size in bytes.
        blob_bytes: i64,
        /// Their size as compressed.
        stored_bytes: i64,
        /// The number of contents that are archived.
        archived_blobs: i64,
        /// The number of contents that are collected.
        collected_blobs: i64,
        /// The number of live assets.
        assets: i64,
        /// Their size in bytes.
        asset_bytes: i64,
        /// The number of snapshots.
        snapshots: i64,
        /// Their size in bytes.
        snapshot_bytes: i64,
        /// The number of members.
        members: i64,
        /// What failed while events were sent to Supabase Realtime.
        realtime_sink: Option<SinkFailures>,
    }

    /// What failed while events were sent to Supabase Realtime.
    SinkFailures {
        /// How many events were not sent.
        failures: i64,
        /// The bundle of the last of them.
        last_seq: i64,
        /// What the last error was.
        last_error: String,
        /// When that was.
        #[serde(deserialize_with = "time")]
        last_at: SystemTime,
    }

    /// A member and their role.
    MemberRole {
        /// The id of the actor.
        member: ActorId,
        /// Owner, editor or viewer.
        role: String,
    }
}

calls! {
    /// Makes a project read only: writers get PT423 from then on. The call waits for no writer; what a transaction has
    /// written before may still be committed.
    fn archive_project(project_uuid: ProjectId) -> Project;

    /// Creates a project. The caller becomes its owner.
    fn create_project(name: &str; ..CreateProjectOptions<'_>) -> ProjectId;

    /// Deletes a project with its files, history, log and members. Nothing brings it back.
    fn delete_project(project_uuid: ProjectId, confirm_name: &str) -> ();

    /// Deletes a member. Owners delete anybody; every member may leave. What the member did stays in the history. The
    /// call waits for no writer; what a transaction of the member has written before may still be committed.
    fn delete_project_member(project_uuid: ProjectId, member: ActorId) -> ();

    /// Returns a project with its settings and its totals.
    fn get_project(project_uuid: ProjectId) -> Project;

    /// Counts how much a project holds. The call takes time with the size of the project.
    fn get_project_stats(project_uuid: ProjectId) -> ProjectStats;

    /// Lists the members of a project, the strongest role first. Only members see the list, also in a public project.
    fn list_project_members(project_uuid: ProjectId) -> Vec<Member>;

    /// Lists the projects that the caller is a member of, ordered by name. An administrator gets all projects.
    fn list_projects() -> Vec<ListedProject>;

    /// Adds a member to a project, or changes the role of a member.
    fn set_project_member(project_uuid: ProjectId, member: ActorId, role: &str) -> MemberRole;

    /// Makes an archived project writable again.
    fn unarchive_project(project_uuid: ProjectId) -> Project;

    /// Changes the name, the visibility or the settings of a project.
    fn update_project(project_uuid: ProjectId, changes: &Value) -> Project;
}
