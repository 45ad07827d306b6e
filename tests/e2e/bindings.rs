//! Documents that are bound to files in one database, and their changes that come from another.

use crate::peers::{PROJECT, Side, assert_sound, exchange, sides};
use postgres::Client;

fn run(client: &mut Client, sql: &str) {
    let sql = sql.replace("{p}", &PROJECT.to_string());
    client.batch_execute(&sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

/// The text of the document, that of the file if there is one, and whether they are bound.
fn shown(side: &mut Side) -> (String, Option<String>, bool) {
    let sql = "SELECT quire.read_doc($1, 'd') ->> 'text',
        (SELECT convert_from(quire.read_project_file_bytes($1, file_path), 'UTF8') FROM quire.project_files_current
         WHERE project_id = $1 AND file_path = 'd.md'),
        EXISTS (SELECT FROM quire.list_doc_bindings($1))";
    let row = side.client.query_one(sql, &[&PROJECT]).expect("read both sides");
    (row.get::<_, Option<String>>(0).unwrap_or_default(), row.get(1), row.get(2))
}

#[test]
fn what_a_peer_does_to_one_side_follows_on_the_other() {
    let (_a, _b, mut sides) = sides("bindings");
    let [a, b] = &mut sides;
    run(&mut a.client, r#"SELECT quire.put_doc('{p}', 'd', '{"text": "one"}')"#);
    exchange(a, b);
    run(&mut b.client, "SELECT quire.bind_doc_to_file('{p}', 'd', 'd.md')");
    let bound = |text: &str| (text.to_owned(), Some(text.to_owned()), true);
    assert_eq!(shown(b), bound("one"));
    // The document changes there, the file follows here; the file is saved here, the document has changed there.
    run(&mut a.client, "SELECT quire.splice_doc_text('{p}', 'd', '/text', 0, 0, 'typed ')");
    exchange(a, b);
    assert_eq!(shown(b), bound("typed one"));
    run(&mut b.client, "SELECT quire.upsert_project_file('{p}', 'd.md', 'typed one, saved')");
    exchange(b, a);
    assert_eq!(shown(a), ("typed one, saved".to_owned(), Some("typed one, saved".to_owned()), false));
    // The file that came with it is written there, where nothing is bound.
    run(&mut a.client, "SELECT quire.upsert_project_file('{p}', 'd.md', 'saved there')");
    exchange(a, b);
    assert_eq!(shown(b), bound("saved there"));
    exchange(b, a);
    assert_eq!(shown(a).0, "saved there");
    // Who has pushed did not write what followed: their undo takes back what they did.
    run(&mut b.client, "SELECT quire.upsert_project_file('{p}', 'own', 'of b')");
    run(&mut a.client, "SELECT quire.splice_doc_text('{p}', 'd', '/text', 0, 5, 'SAVED')");
    exchange(a, b);
    assert_eq!(shown(b), bound("SAVED there"));
    run(&mut b.client, "SELECT quire.undo('{p}')");
    assert_eq!(shown(b), bound("SAVED there"));
    // What one side cannot be here ends the binding, and keeps nothing out.
    run(&mut b.client, r#"SELECT quire.update_project('{p}', '{"settings": {"max_file_bytes": 100}}')"#);
    run(&mut a.client, "SELECT quire.splice_doc_text('{p}', 'd', '/text', 0, 0, repeat('long ', 100))");
    exchange(a, b);
    let (text, file, is_bound) = shown(b);
    assert_eq!((text.len(), file.as_deref(), is_bound), (511, Some("SAVED there"), false));
    run(&mut b.client, r#"SELECT quire.update_project('{p}', '{"settings": {"max_file_bytes": null}}')"#);
    run(&mut b.client, "SELECT quire.bind_doc_to_file('{p}', 'd', 'd.md', keep => 'doc')");
    assert_eq!(shown(b), bound(&text));
    run(&mut a.client, r#"SELECT quire.edit_doc('{p}', 'd', '[{"op": "remove", "path": "/text"}]')"#);
    exchange(a, b);
    assert_eq!(shown(b), (String::new(), Some(text), false));
    exchange(b, a);
    for side in [a, b] {
        assert_sound(&mut side.client, side.name);
    }
}
