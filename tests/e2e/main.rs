//! End-to-end tests: real clients against real servers. Run with `./dev test e2e`.

// A test fails by panicking.
#![allow(clippy::panic)]

mod archives;
mod assets;
mod bindings;
mod bounds;
mod branches;
mod calls;
mod client;
mod client_docs;
mod cluster;
mod content;
mod cost;
mod crash;
mod decoding;
mod deleted;
#[path = "../lib/dice.rs"]
mod dice;
mod doc_query;
mod docs;
mod dump;
mod durability;
mod everybody;
mod fixture;
mod identity;
mod install;
mod jobs;
mod kill;
mod load;
mod log;
mod names;
mod notify;
mod outsiders;
mod peers;
mod personas;
mod realtime;
mod replication;
mod restored;
mod restored_peers;
mod retry;
mod rows;
mod shapes;
mod smoke;
mod snapshots;
mod standby;
mod steps;
mod subscriptions;
mod tenants;
mod tokens;
#[path = "../lib/trace.rs"]
mod trace;
mod traces;
mod ucans;
mod waiting;
mod workspaces;
mod worst;

// With which the dice are thrown.
use quire_core::hash::Hash;
