//! Connecting, showing what is run, and explaining what the server refused.

use crate::Result;
use postgres::types::ToSql;
use postgres::{Client, Config, NoTls, Row};
use quire_client::Code;

/// A parameter of a statement.
pub type Param<'a> = &'a (dyn ToSql + Sync);

/// Connects.
pub fn connect(config: &Config) -> Result<Client> {
    config.connect(NoTls).map_err(|error| format!("cannot connect to the server: {}", explain(&error)).into())
}

/// Prints a heading and the statement with its parameters, then runs it.
pub fn show(
    client: &mut Client,
    title: &str,
    sql: &str,
    params: &[Param],
) -> std::result::Result<Vec<Row>, postgres::Error> {
    heading(title);
    println!("{}\n", readable(sql, params));
    client.query(sql, params)
}

/// Prints a heading.
pub fn heading(title: &str) {
    println!("\n== {title} ==");
}

/// Prints at most `most` lines of a text, and how many there are more.
pub fn print_lines(text: &str, most: usize) {
    text.lines().take(most).for_each(|line| println!("  {line}"));
    let more = text.lines().count().saturating_sub(most);
    if more > 0 {
        println!("  ... {more} more lines");
    }
}

/// A text of at most `most` characters.
pub fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// What the server said, all of it.
pub fn explain(error: &postgres::Error) -> String {
    let Some(db) = error.as_db_error() else {
        let cause = std::error::Error::source(error).map_or_else(String::new, |cause| format!(": {cause}"));
        return format!("{error}{cause}");
    };
    let mut text = format!("SQLSTATE {}: {}", db.code().code(), db.message());
    for (label, part) in [("DETAIL", db.detail()), ("HINT", db.hint())] {
        if let Some(part) = part {
            text.push_str(&format!("\n{label}: {part}"));
        }
    }
    text
}

/// The same of a call.
pub fn explain_call(error: &quire_client::Error) -> String {
    error.as_postgres().map_or_else(|| error.to_string(), explain)
}

/// The path in DETAIL, when the server refuses one file.
pub fn refused_path(error: &quire_client::Error) -> Option<String> {
    let refusal = error.refusal()?;
    if !matches!(refusal.code, Some(Code::Validation | Code::Limit)) {
        return None;
    }
    refusal.detail.get("file_path")?.as_str().map(str::to_owned)
}

/// The statement with its parameters as literals, for a reader who wants to try it in psql.
fn readable(sql: &str, params: &[Param]) -> String {
    let mut out = sql.to_owned();
    for (index, param) in params.iter().enumerate().rev() {
        out = out.replace(&format!("${}", index + 1), &literal(&format!("{param:?}")));
    }
    out
}

/// A literal from what `Debug` prints of a parameter.
fn literal(debug: &str) -> String {
    if debug.parse::<f64>().is_ok() || matches!(debug, "true" | "false") {
        return debug.to_owned();
    }
    let text = debug.trim_matches('"');
    let escape = if text.contains('\\') { "E" } else { "" };
    format!("{escape}'{}'", shorten(text, 60).replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_read_like_psql() {
        let shown = readable("SELECT f(a => $1, b => $2, c => $3)", &[&"it's\n", &7i64, &true]);
        assert_eq!(shown, "SELECT f(a => E'it''s\\n', b => 7, c => true)");
    }
}
