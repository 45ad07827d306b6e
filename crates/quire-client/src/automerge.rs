//! Automerge documents that are values of anybody's tables. Of `automerge_merge_agg`, an aggregate, there is no method: it is for queries
//! over rows.

use crate::call::{calls, options};
use serde_json::Value;

options! {
    /// Optional arguments of [`automerge_diff`](crate::Quire::automerge_diff).
    AutomergeDiffOptions<'a> {
        /// The heads of the state to begin with, in any order. By default it is the newest state.
        from_heads: &'a [&'a str],
        /// The heads of the state to end with, in any order. By default it is the newest state.
        to_heads: &'a [&'a str],
    }
}

calls! {
    /// Adds changes to an Automerge document. It passes over those that the document has.
    fn automerge_apply(doc: &[u8], changes: &[&[u8]]) -> Vec<u8>;

    /// Returns the changes of an Automerge document one by one, for `automerge_apply` or for a client.
    fn automerge_changes(doc: &[u8]; after_heads: &[&str]) -> Vec<Vec<u8>>;

    /// Returns the places of an Automerge document that have several values, because actors wrote there at the same time.
    /// `automerge_to_json` shows one of the values.
    fn automerge_conflicts(doc: &[u8]; heads: &[&str]) -> Value;

    /// Compares two states of an Automerge document. The answer is a JSON Patch (RFC 6902) that leads from the JSON of one state to the
    /// JSON of the other. A text is replaced as a whole. The patch is longer than it had to be when two lists are so different that the
    /// search for a short one would take too long.
    fn automerge_diff(doc: &[u8]; ..AutomergeDiffOptions<'_>) -> Value;

    /// Makes an Automerge document of a JSON object. The same object makes the same bytes. All documents that are made so have their
    /// first change in common, so any two of them can be merged. A string becomes a text. Objects with one member make what JSON lacks:
    /// `{"$counter": 5}`, `{"$timestamp": 1700000000000}`, `{"$bytes": "AAEC"}`, `{"$number": "NaN"}`.
    fn automerge_from_json(value: &Value) -> Vec<u8>;

    /// Returns the heads of an Automerge document: the hashes of its changes that no other change of it depends on. Two documents with
    /// the same heads have the same changes.
    fn automerge_heads(doc: &[u8]) -> Vec<String>;

    /// Returns an Automerge document with the changes of two documents. Heads and content are the same whichever of them comes first.
    /// Bytes may differ: heads say whether two documents are the same.
    fn automerge_merge(doc: &[u8], other: &[u8]) -> Vec<u8>;

    /// Returns what an Automerge document holds as JSON. A document that `automerge_from_json` makes of the answer has the same JSON.
    fn automerge_to_json(doc: &[u8]; heads: &[&str]) -> Value;
}
