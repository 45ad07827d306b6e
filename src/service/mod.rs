//! Services: what applications call. Each gates, and hands what changes a project to `bundle::commit`.

pub mod asset;
pub mod branch;
pub mod doc;
pub mod entity;
pub mod event;
pub mod file;
pub mod gc;
pub mod job;
pub mod peer;
pub mod people;
pub mod project;
pub mod recovery;
pub mod snapshot;
pub mod token;
pub mod undo;
pub mod workspace;
