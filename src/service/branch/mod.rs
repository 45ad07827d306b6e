//! The functions of branches: making, closing and deleting them, what there is, what is different, and merging.
//!
//! Owns: no table; `domain/branch` and `domain/doc` do.
//! Promises: a merge brings every change that the target lacks, and loses none that it has.
//! Does not: write past `bundle::commit`.

mod diff;
mod edit;
mod list;
mod merge;
