//! The statements that do the same as the functions of `table`, for a table that is not quire's alone. They are made of the same names
//! and values, so the two ways cannot come to differ.

use super::{Column, Name, Sight, again};
use crate::db::{self, Arg, Row};
use quire_core::error::Result;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt::Write;

thread_local! {
    /// The texts: as many as there are callers.
    static TEXTS: RefCell<HashSet<&'static str>> = RefCell::default();
}

pub fn find<R>(
    name: &Name,
    sight: Sight,
    key: &[Column],
    columns: &str,
    map: impl FnMut(&Row) -> Result<Option<R>>,
) -> Result<Option<R>> {
    of_project(key);
    let sql = kept(format!("SELECT {columns} FROM {} h WHERE {}", table(name), equal(key, " AND ", 1)));
    let found = match sight {
        Sight::Statement => db::write(sql, &args(key), map),
        Sight::Now => db::latest(|| db::read(sql, &args(key), map)),
    };
    Ok(found?.into_iter().flatten().next())
}

pub fn lock<R>(
    name: &Name,
    key: &[Column],
    columns: &str,
    map: impl Fn(&Row) -> Result<R>,
) -> Result<Option<R>> {
    of_project(key);
    let which = equal(key, " AND ", 1);
    let sql = kept(format!("SELECT {columns} FROM {} h WHERE {which} FOR NO KEY UPDATE", table(name)));
    db::write_one(sql, &args(key), map)
}

pub fn insert(name: &Name, values: &[Column]) -> Result<()> {
    of_project(values);
    let columns: Vec<&str> = values.iter().map(|(column, _)| *column).collect();
    let places: Vec<String> = (1..=values.len()).map(|at| format!("${at}")).collect();
    let (columns, places) = (columns.join(", "), places.join(", "));
    db::exec(kept(format!("INSERT INTO {} ({columns}) VALUES ({places})", table(name))), &args(values))
}

pub fn update(name: &Name, key: &[Column], values: &[Column]) -> Result<bool> {
    of_project(key);
    let (which, what) = (equal(key, " AND ", 1), equal(values, ", ", key.len() + 1));
    let sql = kept(format!("UPDATE {} h SET {what} WHERE {which} RETURNING true", table(name)));
    let args: Vec<Arg> = key.iter().chain(values).map(|(_, value)| again(value)).collect();
    db::writes(sql, &args)
}

/// Every statement is about one project, as all others are.
fn of_project(first: &[Column]) {
    debug_assert!(first.first().is_some_and(|(column, _)| *column == "project_id"));
}

fn table(name: &Name) -> String {
    format!("quire_store.{}", name.table.to_string_lossy())
}

/// `a = $1, b = $2`, with parameters from `first` on.
fn equal(values: &[Column], separator: &str, first: usize) -> String {
    values.iter().zip(first..).enumerate().fold(String::new(), |mut text, (at, ((column, _), parameter))| {
        let _ = write!(text, "{}{column} = ${parameter}", if at == 0 { "" } else { separator });
        text
    })
}

fn args<'a>(values: &'a [Column]) -> Vec<Arg<'a>> {
    values.iter().map(|(_, value)| again(value)).collect()
}

/// The text as one that stays; the same text once only, by which its plan is known.
fn kept(text: String) -> &'static str {
    TEXTS.with_borrow_mut(|texts| match texts.get(text.as_str()) {
        Some(known) => known,
        None => {
            let text: &'static str = Box::leak(text.into_boxed_str());
            texts.insert(text);
            text
        }
    })
}
