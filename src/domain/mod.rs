//! Domains: what an operation is about.

pub mod asset;
pub mod entity;
pub mod file;
