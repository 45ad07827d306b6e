//! Queries over documents. Input: a query, and a document.

#![no_main]

use fuzz::{accepted, json, pieces};
use libfuzzer_sys::fuzz_target;
use quire_core::id::ProjectId;
use quire_core::query::{DocCondition, DocQuery, QueryCursor, compile};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let mut pieces = pieces(data);
    let Some(query) = pieces.next().and_then(json) else { return };
    // No `jsonb` has a NUL.
    if query.to_string().contains("\\u0000") {
        return;
    }
    let project = ProjectId::default();
    let Some(parsed) = accepted(DocQuery::parse(project, &query)) else { return };
    let compiled = compile(parsed.condition.as_ref());
    let vars = compiled.vars.as_object().expect("an object");
    assert!(compiled.jsonpath.starts_with("strict ") && !compiled.jsonpath.contains('\0'));
    vars.keys().for_each(|var| assert!(compiled.jsonpath.contains(&format!("${var}")), "{var} is unused"));
    let Some(doc) = pieces.next().and_then(json) else { return };
    if let Some(condition) = parsed.condition.clone() {
        let holds = condition.holds(&doc);
        assert_ne!(DocCondition::Not(Box::new(condition.clone())).holds(&doc), holds);
        assert_eq!(DocCondition::All(vec![condition.clone()]).holds(&doc), holds);
        assert_eq!(DocCondition::Any(vec![condition]).holds(&doc), holds);
    }
    check_cursor(project, &query, &parsed, &doc);
    let shown = parsed.projection.of(doc.clone());
    assert!(query.get("select").is_some() || shown == doc, "all of it is shown");
});

/// The cursor of a page that ends with a document is one of this query, and leads there.
fn check_cursor(project: ProjectId, query: &Value, parsed: &DocQuery, doc: &Value) {
    let end = QueryCursor { key: parsed.order.key_of(doc), doc: "d".to_owned() };
    let mut next = query.clone();
    next["after"] = parsed.cursor(&end).into();
    let next = DocQuery::parse(project, &next).expect("its own cursor");
    assert_eq!(next.after, Some(end));
    assert_eq!(next.order.key_of(doc), parsed.order.key_of(doc));
}
