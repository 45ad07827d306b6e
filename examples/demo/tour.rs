//! The tour: what one can do with an imported project, each step with the SQL it ran.

use crate::Result;
use crate::import::Imported;
use crate::sql::{explain, explain_call, print_lines, shorten, show};
use postgres::{Client, Row};
use quire_client::Quire;
use serde_json::Value;
use uuid::Uuid;

/// A file that is made up when the history has none to show.
const MADE_UP: &str = "quire-demo.txt";
/// Largest number of lines of the file that is shown.
const MOST_LINES: usize = 5_000;
/// Fewest: its first and its last line must not touch.
const FEWEST_LINES: usize = 5;

/// The file the tour is about.
struct Subject {
    path: String,
    version: i32,
    /// The newest version that changed the content.
    changed: i32,
    content: String,
}

/// Runs the tour; the project is afterwards what it was at the end of the import.
pub fn tour(client: &mut Client, project: Uuid, imported: &Imported) -> Result<()> {
    if let Some((tag, _)) = imported.tags.last() {
        tree_at(client, project, tag)?;
    }
    let subject = subject(client, project, imported)?;
    unified_diff(client, project, &subject)?;
    let version = save(client, project, &subject)?;
    stale_write(client, project, &subject)?;
    merges(client, project, &subject)?;
    println!("\n(The version that everybody started from was {}, the saved one {version}.)", subject.version);
    changes_and_restore(client, project, imported.head())
}

fn explained<T>(result: std::result::Result<T, postgres::Error>) -> Result<T> {
    result.map_err(|error| explain(&error).into())
}

fn tree_at(client: &mut Client, project: Uuid, tag: &str) -> Result<()> {
    let sql = "SELECT file_path, version, content_hash FROM quire.list_files_at(project_uuid => $1, at_tag => $2) \
         ORDER BY file_path";
    let rows = explained(show(client, &format!("The tree at tag {tag}"), sql, &[&project, &tag]))?;
    let line = |row: &Row| -> Result<String> {
        let (path, version, hash): (&str, i32, &str) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Ok(format!("{:12}  v{version:<4} {path}\n", hash.get(..12).unwrap_or(hash)))
    };
    print_lines(&rows.iter().map(line).collect::<Result<String>>()?, 20);
    Ok(())
}

/// The text file whose content changed most often, or one that is made for the purpose.
fn subject(client: &mut Client, project: Uuid, imported: &Imported) -> Result<Subject> {
    let fits = |lines| (FEWEST_LINES..=MOST_LINES).contains(&lines);
    let best = imported.files.iter().filter(|(_, file)| file.changes > 0 && fits(file.lines));
    let (path, changed) = match best.max_by_key(|(_, file)| file.changes) {
        Some((path, file)) => (path.clone(), file.changed),
        None => {
            println!("\n(No text file was changed in this history, so {MADE_UP} is made up.)");
            let lines: String = ('a'..='i').map(|letter| format!("line {letter}\n")).collect();
            write(client, project, MADE_UP, &lines)?;
            let version = write(client, project, MADE_UP, &lines.replace("line e", "line E"))?;
            (MADE_UP.to_owned(), version)
        }
    };
    let sql =
        "SELECT version, content FROM quire.project_files_current WHERE project_id = $1 AND file_path = $2";
    let row = explained(client.query_one(sql, &[&project, &path]))?;
    Ok(Subject { path, changed, version: row.try_get(0)?, content: row.try_get(1)? })
}

fn write(client: &mut Client, project: Uuid, path: &str, content: &str) -> Result<i32> {
    let written = Quire::new(client).upsert_project_file(project.into(), path, content, Default::default());
    Ok(written.map_err(|error| explain_call(&error))?.version)
}

fn unified_diff(client: &mut Client, project: Uuid, subject: &Subject) -> Result<()> {
    let sql = "SELECT quire.diff_project_file(project_uuid => $1, p_file_path => $2, from_version => $3, \
         to_version => $4)";
    let before = subject.changed - 1;
    let rows = explained(show(
        client,
        "A unified diff",
        sql,
        &[&project, &subject.path, &before, &subject.changed],
    ))?;
    print_lines(rows.first().ok_or("no diff")?.try_get(0)?, 30);
    Ok(())
}

/// Somebody saves a change of the first line.
fn save(client: &mut Client, project: Uuid, subject: &Subject) -> Result<i32> {
    let sql = "SELECT version, seq FROM quire.upsert_project_file(project_uuid => $1, p_file_path => $2, \
         p_content => $3, expected_version => $4)";
    let content = with_line(&subject.content, 0, " (saved first)");
    let params: [crate::sql::Param; 4] = [&project, &subject.path, &content, &subject.version];
    let rows = explained(show(client, "Somebody saves a change of the first line", sql, &params))?;
    let row = rows.first().ok_or("nothing was saved")?;
    let (version, seq): (i32, i64) = (row.try_get(0)?, row.try_get(1)?);
    println!("  version {version}, seq {seq}");
    Ok(version)
}

/// Somebody else, who has not seen it, saves too.
fn stale_write(client: &mut Client, project: Uuid, subject: &Subject) -> Result<()> {
    let sql = "SELECT version FROM quire.upsert_project_file(project_uuid => $1, p_file_path => $2, \
         p_content => $3, expected_version => $4)";
    let content = with_line(&subject.content, 0, " (saved second)");
    let params: [crate::sql::Param; 4] = [&project, &subject.path, &content, &subject.version];
    match show(client, "A stale write is refused", sql, &params) {
        Ok(_) => Err("the stale write was not refused".into()),
        Err(error) if error.code().is_some_and(|code| code.code() == "PT409") => {
            print_lines(&explain(&error), 10);
            Ok(())
        }
        Err(error) => Err(format!("the stale write failed for another reason: {}", explain(&error)).into()),
    }
}

fn merges(client: &mut Client, project: Uuid, subject: &Subject) -> Result<()> {
    let sql = "SELECT quire.merge_project_file(project_uuid => $1, p_file_path => $2, p_content => $3, \
         base_version => $4, strategy => 'lines')";
    let last = subject.content.split_inclusive('\n').count() - 1;
    let cases = [
        ("A merge: a change of the last line, made from the same version", "merged", last),
        ("A merge that conflicts: another change of the first line", "conflict", 0),
    ];
    for (title, expected, line) in cases {
        let content = with_line(&subject.content, line, " (merged)");
        let params: [crate::sql::Param; 4] = [&project, &subject.path, &content, &subject.version];
        let rows = explained(show(client, title, sql, &params))?;
        let result: Value = rows.first().ok_or("no result of the merge")?.try_get(0)?;
        print_lines(&serde_json::to_string_pretty(&result)?, 30);
        if result.get("status").and_then(Value::as_str) != Some(expected) {
            return Err(format!("this merge was expected to end as {expected}").into());
        }
    }
    Ok(())
}

fn changes_and_restore(client: &mut Client, project: Uuid, imported: i64) -> Result<()> {
    let head = head(client, project)?;
    let changes =
        "SELECT to_jsonb(d) FROM quire.diff_project(project_uuid => $1, from_seq => $2, to_seq => $3) AS d";
    let rows =
        explained(show(client, "What changed since the import", changes, &[&project, &imported, &head]))?;
    print_rows(&rows)?;
    let restore = "SELECT quire.restore_project(project_uuid => $1, to_seq => $2, dry_run => $3)";
    for (title, dry_run) in
        [("A restore, tried out first", true), ("The restore: a new bundle, nothing rewritten", false)]
    {
        print_rows(&explained(show(client, title, restore, &[&project, &imported, &dry_run]))?)?;
    }
    let now = self::head(client, project)?;
    let rows =
        explained(show(client, "What differs from the import now", changes, &[&project, &imported, &now]))?;
    if !rows.is_empty() {
        print_rows(&rows)?;
        return Err("the restored project differs from the imported one".into());
    }
    println!("  nothing");
    Ok(())
}

/// The newest seq.
pub fn head(client: &mut Client, project: Uuid) -> Result<i64> {
    let sql = "SELECT coalesce(max(seq), 0) FROM quire.bundles WHERE project_id = $1";
    Ok(explained(client.query_one(sql, &[&project]))?.try_get(0)?)
}

fn print_rows(rows: &[Row]) -> Result<()> {
    let line =
        |row: &Row| -> Result<String> { Ok(shorten(&row.try_get::<_, Value>(0)?.to_string(), 300) + "\n") };
    print_lines(&rows.iter().map(line).collect::<Result<String>>()?, 10);
    Ok(())
}

/// A text with something added to one of its lines.
fn with_line(text: &str, at: usize, addition: &str) -> String {
    text.split_inclusive('\n')
        .enumerate()
        .map(|(index, line)| {
            if index != at {
                return line.to_owned();
            }
            let body = line.trim_end_matches(['\r', '\n']);
            format!("{body}{addition}{}", &line[body.len()..])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_changes() {
        assert_eq!(with_line("a\r\nb", 0, "!"), "a!\r\nb");
        assert_eq!(with_line("a\r\nb", 1, "!"), "a\r\nb!");
    }
}
