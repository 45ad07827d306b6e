//! Functions of assets, and uploads in pieces.
//!
//! Owns: `upload`, `upload_piece`.
//! Promises: an upload takes bounded memory, and is no part of the project before it is finished.
//! Does not: say what an asset is; that is `domain::asset`.

mod api;
mod stage;
pub mod store;
mod upload;
