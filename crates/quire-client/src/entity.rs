//! Entities and conflicts about their fields.

use crate::bundle::Receipt;
use crate::call::{calls, objects, options, rows};
use quire_core::id::{ActorId, BundleId, ConflictId, CorrelationId, ProjectId};
use serde_json::Value;
use std::time::SystemTime;

options! {
    /// Optional arguments of [`entity_history`](crate::Quire::entity_history).
    EntityHistoryOptions {
        /// Only changes of earlier bundles are returned. The seq of the last row of a page is the before_seq of the next.
        /// By default the newest are first.
        before_seq: i64,
        /// The most rows, 1 to 10000. Of the last bundle all changes are returned.
        max_changes: i32,
    }
}

rows! {
    /// What happened to a conflict.
    ConflictEvent {
        /// Opened, value, resolved or reopened.
        event: String,
        /// Who did it.
        actor: ActorId,
        /// What the actor is called.
        display_name: Option<String>,
        /// The value that came with it when the field was cleared.
        value: Option<Value>,
        /// Whether the field was cleared. None when the event has no value.
        is_unset: Option<bool>,
        /// The bundle.
        seq: i64,
        /// The id of the bundle.
        bundle_id: BundleId,
        /// When the bundle was committed.
        committed_at: SystemTime,
    }

    /// A change of a field.
    FieldChange {
        /// The bundle.
        seq: i64,
        /// Field.set, field.unset or entity.delete.
        op: String,
        /// The name of the field.
        field: String,
        /// The value after it. None when the field was cleared.
        value: Option<Value>,
        /// Whether the field was cleared.
        is_unset: bool,
        /// The actor who committed the bundle.
        actor: ActorId,
        /// What the actor is called.
        display_name: Option<String>,
        /// The kind of the bundle.
        kind: String,
        /// The message of the bundle.
        message: Option<String>,
        /// The id of the bundle.
        bundle_id: BundleId,
        /// When the bundle was committed.
        committed_at: SystemTime,
    }

    /// A field, and who set it.
    FieldOrigin {
        /// The name of the field.
        field: String,
        /// Its value when it is cleared.
        value: Option<Value>,
        /// Whether the field is cleared.
        is_unset: bool,
        /// The actor who set it.
        actor: ActorId,
        /// What the actor is called.
        display_name: Option<String>,
        /// The bundle that set it.
        seq: i64,
        /// The id of that bundle.
        bundle_id: BundleId,
        /// The kind of that bundle.
        kind: String,
        /// The message of that bundle.
        message: Option<String>,
        /// When that bundle was committed.
        committed_at: SystemTime,
        /// The open conflict that the field is in.
        conflict_id: Option<ConflictId>,
    }

    /// A conflict about a field.
    Conflict {
        /// The id of the conflict.
        conflict_id: ConflictId,
        /// The type of the entity.
        entity_type: String,
        /// The id of the entity.
        entity_id: String,
        /// The field in conflict.
        field: String,
        /// The value that the field has now.
        shown: Option<Value>,
        /// The last value of each actor, as \[{actor, display_name, value, is_unset, seq, bundle_id}].
        values: Value,
        /// The bundle that opened the conflict.
        opened_seq: i64,
        /// The bundle that resolved it.
        resolved_seq: Option<i64>,
    }

    /// An entity in a list.
    ListedEntity {
        /// The id of the entity.
        entity_id: String,
        /// Its fields as an object.
        fields: Value,
        /// The last bundle that changed it.
        seq: i64,
        /// When that bundle was committed.
        updated_at: SystemTime,
        /// The checksum of that bundle.
        checksum: String,
    }

    /// An entity as it was at a seq.
    EntityAt {
        /// The type.
        entity_type: String,
        /// The id.
        entity_id: String,
        /// The fields as an object.
        fields: Value,
        /// The last bundle up to at_seq that changed the entity.
        seq: i64,
        /// The checksum of that bundle.
        checksum: String,
    }
}

objects! {
    /// An entity as it is now.
    Entity {
        /// The type.
        entity_type: String,
        /// The id.
        entity_id: String,
        /// The fields as an object.
        fields: Value,
        /// The last bundle that changed it.
        seq: i64,
        /// The checksum of that bundle.
        checksum: String,
    }

    /// What the settlement of a conflict did.
    ResolveReceipt {
        /// The conflict.
        conflict_id: ConflictId,
        /// What the bundle did.
        #[serde(flatten)]
        receipt: Receipt,
    }
}

calls! {
    /// Lists what happened to a conflict, in order.
    fn conflict_history(project_uuid: ProjectId, conflict_id: ConflictId) -> Vec<ConflictEvent>;

    /// Lists the changes of an entity's fields, the newest first. The deletion of an entity is one row for each field.
    fn entity_history(
        project_uuid: ProjectId, entity_type: &str, entity_id: &str;
        ..EntityHistoryOptions
    ) -> Vec<FieldChange>;

    /// Lists for each field of an entity who set it, when and in which bundle. Cleared fields are among them. The rows
    /// are ordered by field.
    fn explain_entity(project_uuid: ProjectId, entity_type: &str, entity_id: &str) -> Vec<FieldOrigin>;

    /// Returns one entity as it is now.
    fn get_entity(project_uuid: ProjectId, entity_type: &str, entity_id: &str) -> Entity;

    /// Lists the conflicts that were recorded and that nobody has resolved, the oldest first.
    fn list_conflicts(project_uuid: ProjectId; include_resolved: bool) -> Vec<Conflict>;

    /// Lists the entities of a type, ordered by id.
    fn list_entities(project_uuid: ProjectId, entity_type: &str; matching: &Value) -> Vec<ListedEntity>;

    /// Lists all entities as they were at a seq, ordered by type and id.
    fn list_entities_at(project_uuid: ProjectId, at_seq: i64) -> Vec<EntityAt>;

    /// Settles a conflict. A bundle of kind merge_resolution gives the field its value, also when the field has that
    /// value already. The first resolution wins. A later edit by somebody unaware of it (on_conflict record with an older
    /// base_seq) opens the conflict again, and so does taking the resolution back.
    fn resolve_conflict(
        project_uuid: ProjectId, conflict_id: ConflictId, value: Option<&Value>; correlation_id: CorrelationId
    ) -> ResolveReceipt;
}
