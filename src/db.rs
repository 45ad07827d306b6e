//! The only SPI code. Statements are `&'static str`s of a `store.rs`; their plans are kept per backend.
//!
//! [`read`] takes no transaction id, so it works on a hot standby. It sees the caller's snapshot until the transaction has
//! an id, which the head lock gives it; from then on, like [`write`], it sees everything committed before it. That is
//! what a statement under the head lock needs.

use crate::error::{Error, Result};
use pgrx::datum::{DatumWithOid, FromDatum, IntoDatum};
use pgrx::pg_sys::PgOid;
use pgrx::spi::{OwnedPreparedStatement, Spi, SpiError, SpiTupleTable};
use std::cell::RefCell;
use std::collections::HashMap;

/// One argument of a statement.
pub type Arg<'a> = DatumWithOid<'a>;

/// One row of a result.
pub struct Row<'a, 'conn>(&'a SpiTupleTable<'conn>);

impl Row<'_, '_> {
    /// Column `ordinal` (1-based), which may be NULL.
    pub fn opt<T: FromDatum + IntoDatum>(&self, ordinal: usize) -> Result<Option<T>> {
        self.0.get::<T>(ordinal).map_err(internal)
    }

    /// Column `ordinal` (1-based), which is never NULL.
    pub fn get<T: FromDatum + IntoDatum>(&self, ordinal: usize) -> Result<T> {
        self.opt(ordinal)?
            .ok_or_else(|| Error::internal(format!("column {ordinal} of an internal query is null")))
    }
}

thread_local! {
    static PLANS: RefCell<HashMap<(usize, usize, bool), &'static OwnedPreparedStatement>> = RefCell::default();
}

/// Runs a reader and maps its rows.
pub fn read<R>(sql: &'static str, args: &[Arg], map: impl FnMut(&Row) -> Result<R>) -> Result<Vec<R>> {
    run(sql, args, false, map)
}

/// Runs a statement that writes or locks and maps the rows it returns.
pub fn write<R>(sql: &'static str, args: &[Arg], map: impl FnMut(&Row) -> Result<R>) -> Result<Vec<R>> {
    run(sql, args, true, map)
}

/// The first row of a reader, if any.
pub fn read_one<R>(sql: &'static str, args: &[Arg], map: impl FnMut(&Row) -> Result<R>) -> Result<Option<R>> {
    Ok(read(sql, args, map)?.into_iter().next())
}

/// The first row a writer returns, if any.
pub fn write_one<R>(
    sql: &'static str,
    args: &[Arg],
    map: impl FnMut(&Row) -> Result<R>,
) -> Result<Option<R>> {
    Ok(write(sql, args, map)?.into_iter().next())
}

/// Runs a writer whose rows do not matter.
pub fn exec(sql: &'static str, args: &[Arg]) -> Result<()> {
    write(sql, args, |_| Ok(())).map(drop)
}

fn run<R>(
    sql: &'static str,
    args: &[Arg],
    mutating: bool,
    mut map: impl FnMut(&Row) -> Result<R>,
) -> Result<Vec<R>> {
    Spi::connect(|client| {
        let plan = plan(client, sql, args, mutating)?;
        let mut table = client.select(plan, None, args).map_err(internal)?;
        let mut rows = Vec::with_capacity(table.len());
        while table.next().is_some() {
            rows.push(map(&Row(&table))?);
        }
        Ok(rows)
    })
}

/// The kept plan of `sql`; made at its first use in this backend. The number of statements is fixed, so the
/// cache is bounded and its entries live as long as the backend.
fn plan(
    client: &pgrx::spi::SpiClient,
    sql: &'static str,
    args: &[Arg],
    mutating: bool,
) -> Result<&'static OwnedPreparedStatement> {
    let key = (sql.as_ptr() as usize, sql.len(), mutating);
    if let Some(plan) = PLANS.with_borrow(|plans| plans.get(&key).copied()) {
        return Ok(plan);
    }
    let types: Vec<PgOid> = args.iter().map(|arg| PgOid::from(arg.oid())).collect();
    let prepared = if mutating { client.prepare_mut(sql, &types) } else { client.prepare(sql, &types) }
        .map_err(internal)?;
    let plan: &'static OwnedPreparedStatement = Box::leak(Box::new(prepared.keep()));
    PLANS.with_borrow_mut(|plans| plans.insert(key, plan));
    Ok(plan)
}

fn internal(error: SpiError) -> Error {
    Error::internal(format!("internal query failed: {error}"))
}
