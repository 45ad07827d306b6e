//! Assets and uploads.

use crate::answer::time;
use crate::call::{calls, objects, options, rows};
use quire_core::id::{ActorId, CorrelationId, ProjectId, UploadId};
use std::time::{Duration, SystemTime};

options! {
    /// Optional arguments of [`delete_asset`](crate::Quire::delete_asset).
    DeleteAssetOptions<'a> {
        /// Why, at most 1024 bytes.
        reason: &'a str,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
    }

    /// Optional arguments of [`finish_upload`](crate::Quire::finish_upload).
    FinishUploadOptions<'a> {
        /// The hash that the content must have. By default any content is taken.
        content_hash: &'a str,
        /// An id that the caller chooses for the request. The same id again returns the first answer and changes nothing.
        correlation_id: CorrelationId,
    }

    /// Optional arguments of [`read_asset_range`](crate::Quire::read_asset_range).
    ReadRangeOptions {
        /// The first byte, from 0.
        offset: i64,
        /// The number of bytes. By default all bytes to the end are returned.
        length: i64,
    }
}

rows! {
    /// A live asset in a list.
    ListedAsset {
        /// BLAKE3 of the content, 64 hex digits.
        content_hash: String,
        /// The name.
        filename: String,
        /// The media type.
        media_type: String,
        /// What the asset is to the application.
        asset_type: String,
        /// The length in bytes.
        size: i64,
        /// The bundle of its last change.
        seq: i64,
        /// The actor who committed that bundle.
        actor: ActorId,
        /// When that bundle was committed.
        updated_at: SystemTime,
        /// The checksum of that bundle.
        checksum: String,
    }
}

objects! {
    /// What a call did to an asset.
    AssetReceipt {
        /// BLAKE3 of the content, 64 hex digits.
        content_hash: String,
        /// The name.
        filename: String,
        /// The media type.
        media_type: String,
        /// What the asset is to the application.
        asset_type: String,
        /// The length in bytes.
        size: i64,
        /// The bundle, or the newest one when nothing changed.
        seq: i64,
        /// The checksum of the bundle at seq.
        checksum: String,
        /// What became of the asset.
        status: String,
    }

    /// What is known of an asset.
    Asset {
        /// BLAKE3 of the content, 64 hex digits.
        content_hash: String,
        /// The name.
        filename: String,
        /// The media type.
        media_type: String,
        /// What the asset is to the application.
        asset_type: String,
        /// The length in bytes.
        size: i64,
        /// Whether it was deleted.
        is_deleted: bool,
        /// Why it was deleted.
        reason: Option<String>,
        /// The bundle of its last change.
        seq: i64,
        /// The checksum of that bundle.
        checksum: String,
        /// The actor who committed that bundle.
        actor: ActorId,
        /// When that bundle was committed.
        #[serde(deserialize_with = "time")]
        updated_at: SystemTime,
        /// Whether its bytes are present, archived, collected or quarantined.
        state: String,
    }
}

calls! {
    /// Adds a piece to an upload. Pieces may come in any order, and the same piece again changes nothing.
    fn append_upload(project_uuid: ProjectId, upload_id: UploadId, ordinal: i32, bytes: &[u8]) -> i64;

    /// Begins an asset that arrives in pieces. Uploads that have expired are removed.
    fn begin_upload(
        project_uuid: ProjectId, filename: &str, media_type: &str, asset_type: &str; lease: Duration
    ) -> UploadId;

    /// Deletes an asset. Its bytes stay until nothing needs them; see `gc_run`.
    fn delete_asset(project_uuid: ProjectId, content_hash: &str; ..DeleteAssetOptions<'_>) -> AssetReceipt;

    /// Makes an asset of the pieces of an upload, in the order of their ordinals and in bounded memory.
    fn finish_upload(project_uuid: ProjectId, upload_id: UploadId; ..FinishUploadOptions<'_>) -> AssetReceipt;

    /// Returns what is known of an asset, also of a deleted one.
    fn get_asset(project_uuid: ProjectId, content_hash: &str) -> Asset;

    /// Lists the live assets, ordered by type, filename and hash.
    fn list_assets(project_uuid: ProjectId; asset_type: &str) -> Vec<ListedAsset>;

    /// Keeps content as an asset, which is known by its hash. The same content again changes its name and types, or
    /// brings a deleted asset back. Bytes are never decoded: base64 that is passed here is stored as base64; the
    /// operation asset.put of `commit_bundle` has content_base64 for that.
    fn put_asset(
        project_uuid: ProjectId, filename: &str, bytes: &[u8], media_type: &str, asset_type: &str; correlation_id: CorrelationId
    ) -> AssetReceipt;

    /// Returns bytes of an asset, at most 64 MiB in one call. Only the chunks that it needs are read. The hash of the
    /// content is verified when the asset has at most 1 MiB or is read whole; of a part, each chunk is verified against a
    /// checksum of its own.
    fn read_asset_range(project_uuid: ProjectId, content_hash: &str; ..ReadRangeOptions) -> Vec<u8>;
}
