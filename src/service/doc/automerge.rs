//! SQL functions of documents that are values of anybody's tables: a row of quire's is neither read nor written, so they ask no gate and
//! do not switch roles, which a parallel worker could not. As PostgreSQL's own functions of values they answer NULL for NULL.

use super::args::heads_arg;
use crate::args::{ByteasArg, TextsArg};
use crate::guc::doc_limits;
use crate::jsonb::{Json, JsonArg};
use crate::raise::or_raise;
use pgrx::prelude::*;
use quire_core::doc::helpers::{self, MAX_CHANGES};
use quire_core::error::{Error, Result};

/// A document that holds a value.
#[pg_extern(immutable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
fn automerge_from_json(value: Option<JsonArg>) -> Option<Vec<u8>> {
    let made = value.map(|value| helpers::from_json(&value.document("value")?, &doc_limits()));
    or_raise(made.transpose())
}

/// What a document holds.
#[pg_extern(immutable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
fn automerge_to_json(doc: Option<&[u8]>, heads: default!(Option<TextsArg>, "NULL")) -> Option<Json> {
    or_raise(given(doc, |doc| {
        helpers::to_json(doc, heads_arg("heads", heads)?.as_ref(), &doc_limits()).map(Json)
    }))
}

/// A document with the changes of two.
#[pg_extern(immutable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
fn automerge_merge(doc: Option<&[u8]>, other: Option<&[u8]>) -> Option<Vec<u8>> {
    let merged = doc.zip(other).map(|(doc, other)| helpers::merge(doc, other, &doc_limits()));
    or_raise(merged.transpose())
}

/// What the aggregate `automerge_merge_agg` makes of the documents that it has collected.
#[pg_extern(schema = "quire_store", immutable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
fn merge_docs(docs: Option<ByteasArg>) -> Option<Vec<u8>> {
    let merged = docs
        .map(|docs| docs.read_without_nulls(|docs| helpers::merge_all(docs.iter().copied(), &doc_limits())));
    or_raise(merged.transpose()).flatten()
}

/// The heads of a document.
#[pg_extern(immutable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
fn automerge_heads(doc: Option<&[u8]>) -> Option<Vec<String>> {
    or_raise(given(doc, |doc| Ok(helpers::heads(doc, &doc_limits())?.to_texts())))
}

/// The changes of a document.
#[pg_extern(immutable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
fn automerge_changes(
    doc: Option<&[u8]>,
    after_heads: default!(Option<TextsArg>, "NULL"),
) -> Option<Vec<Vec<u8>>> {
    or_raise(given(doc, |doc| {
        let after = heads_arg("after_heads", after_heads)?.unwrap_or_default();
        let changes = helpers::changes(doc, &after, &doc_limits())?;
        Ok(changes.iter().map(|change| change.bytes().to_vec()).collect())
    }))
}

/// A document with more changes.
#[pg_extern(immutable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
fn automerge_apply(doc: Option<&[u8]>, changes: Option<ByteasArg>) -> Option<Vec<u8>> {
    let applied = doc.zip(changes).map(|(doc, changes)| {
        let at_most = |count| match count {
            0..=MAX_CHANGES => Ok(()),
            _ => Err(Error::limit("too many changes at once", MAX_CHANGES).with("argument", "changes")),
        };
        changes
            .read("changes", at_most, |changes| helpers::apply(doc, changes.iter().copied(), &doc_limits()))
    });
    or_raise(applied.transpose())
}

/// What is different between two states of a document.
#[pg_extern(immutable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
fn automerge_diff(
    doc: Option<&[u8]>,
    from_heads: default!(Option<TextsArg>, "NULL"),
    to_heads: default!(Option<TextsArg>, "NULL"),
) -> Option<Json> {
    or_raise(given(doc, |doc| {
        let (from, to) = (heads_arg("from_heads", from_heads)?, heads_arg("to_heads", to_heads)?);
        helpers::diff(doc, from.as_ref(), to.as_ref(), &doc_limits()).map(Json)
    }))
}

/// The places of a document that have several values.
#[pg_extern(immutable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
fn automerge_conflicts(doc: Option<&[u8]>, heads: default!(Option<TextsArg>, "NULL")) -> Option<Json> {
    or_raise(given(doc, |doc| {
        helpers::conflicts(doc, heads_arg("heads", heads)?.as_ref(), &doc_limits()).map(Json)
    }))
}

/// What `work` makes of a document that is there.
fn given<T>(doc: Option<&[u8]>, work: impl FnOnce(&[u8]) -> Result<T>) -> Result<Option<T>> {
    doc.map(work).transpose()
}
