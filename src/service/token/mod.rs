//! Capability tokens: a part of somebody's rights in one project, for a while, for whoever holds the text.
//!
//! Owns: `token`, `token_use`, `token_revocation`, `secret`.
//! Promises: a token is never worth more than who made it is worth now; narrowing needs no server and cannot be undone;
//! revoking counts at once and for everything narrowed from it; a text that is wrong in whatever way gets one answer.
//! Does not: keep the text of a token, or show a secret to anybody.

mod api;
pub mod store;

pub use api::{Minting, close_channel_if_managing, mint, present, ttl_arg};
