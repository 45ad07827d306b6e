//! Rows found, locked and written without a statement. What a save does is known beforehand: which rows, by which keys, with which
//! values. Of its time PostgreSQL's beginning and ending of statements took a large part; here the rows go where its executor
//! would put them, by the functions with which its own worker of logical replication applies changes.
//!
//! Promises: a row passes the constraints and triggers of its table and enters all of its indexes, foreign keys are checked, and
//! what was written is seen by whatever comes after, as after a statement. A table that is not quire's alone is served by the
//! statements that do the same (`statement`): one on which somebody has hung triggers or rules, to which they have added columns,
//! or which an extension has put on other servers, which a trigger of theirs shows.
//! Does not: write a row twice between one [`Rows::begin`] and its end.

mod statement;
mod table;

use super::{Arg, Row, table_oid};
use crate::error::Result;
use pgrx::PgMemoryContexts;
use pgrx::pg_sys;
use std::cell::RefCell;
use std::ffi::CStr;
pub(super) use table::scan_keys;
use table::{Opened, Table};

/// A table of quire's.
pub struct Name {
    table: &'static CStr,
    /// The index of its primary key, which is its first columns.
    primary_key: &'static CStr,
    /// How many columns it has.
    width: usize,
}

impl Name {
    /// A table, the index of its primary key, and how many columns it has.
    pub const fn of(table: &'static CStr, primary_key: &'static CStr, width: usize) -> Self {
        Self { table, primary_key, width }
    }
}

/// A column and its value.
pub type Column<'a> = (&'static str, Arg<'a>);

/// What a row is looked for in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// What a statement sees that began with [`Rows::begin`].
    Statement,
    /// What is committed now or one's own, whatever the transaction sees.
    Now,
}

/// While it lives, rows are found as they were when it began, and written.
pub struct Rows {
    state: *mut pg_sys::EState,
    opened: RefCell<Vec<Opened>>,
}

impl Rows {
    /// Begins. Raises 25006 where nothing can be written.
    pub fn begin() -> Self {
        super::require_writable();
        // SAFETY: what a statement that writes does at its beginning; `drop` does what it does at its end, and after an error
        // PostgreSQL does.
        unsafe {
            pg_sys::PushCopiedSnapshot(pg_sys::GetTransactionSnapshot());
            pg_sys::UpdateActiveSnapshotCommandId();
            let state = pg_sys::CreateExecutorState();
            (*state).es_snapshot = pg_sys::GetActiveSnapshot();
            (*state).es_output_cid = pg_sys::GetCurrentCommandId(true);
            pg_sys::AfterTriggerBeginQuery();
            Self { state, opened: RefCell::default() }
        }
    }

    /// The first row whose primary key begins with `key` and for which `map` gives something. `columns` are separated as in a
    /// statement, where the table would be `h`.
    pub fn find<R>(
        &self,
        name: &Name,
        sight: Sight,
        key: &[Column],
        columns: &'static str,
        map: impl Fn(&Row) -> Result<Option<R>>,
    ) -> Result<Option<R>> {
        match self.table(name) {
            Some(table) => table.find(sight, key, columns, map),
            None => statement::find(name, key, columns, map),
        }
    }

    /// Locks the row of this key until the end of the transaction, as FOR NO KEY UPDATE does, and reads it as it is then; `None`
    /// when there is none. 40001 where the transaction sees an older state of it.
    pub fn lock<R>(
        &self,
        name: &Name,
        key: &[Column],
        columns: &'static str,
        map: impl Fn(&Row) -> Result<R>,
    ) -> Result<Option<R>> {
        match self.table(name) {
            Some(table) => table.lock(key, columns, map),
            None => statement::lock(name, key, columns, map),
        }
    }

    /// Inserts a row. A value is given for each column.
    pub fn insert(&self, name: &Name, values: &[Column]) -> Result<()> {
        match self.table(name) {
            Some(table) => table.insert(values),
            None => statement::insert(name, values),
        }
    }

    /// Changes the row of this key; `false` when there is none. Nobody else may be changing it: what holds the project's head row
    /// sees to that.
    pub fn update(&self, name: &Name, key: &[Column], values: &[Column]) -> Result<bool> {
        match self.table(name) {
            Some(table) => table.update(key, values),
            None => statement::update(name, key, values),
        }
    }

    /// Opens a table; `None` when it is not quire's alone.
    fn table(&self, name: &Name) -> Option<Table<'_>> {
        let (table, primary_key) = (table_oid(name.table), table_oid(name.primary_key));
        if table == pg_sys::InvalidOid || primary_key == pg_sys::InvalidOid {
            return None;
        }
        let mut opened = self.opened.borrow_mut();
        let known = opened.iter().position(|one| one.is(table));
        let at = known.unwrap_or_else(|| {
            // SAFETY: the table is there; `drop` closes it, or PostgreSQL after an error.
            let relation = unsafe { pg_sys::table_open(table, pg_sys::RowExclusiveLock as pg_sys::LOCKMODE) };
            opened.push(Opened::of(relation, primary_key));
            opened.len() - 1
        });
        opened[at].is_own(name.width).then_some(Table { rows: self, at })
    }

    /// Does `work` in memory that goes with this.
    fn in_state<R>(&self, work: impl FnOnce() -> R) -> R {
        // SAFETY: the context is there as long as the state; what comes out is Rust's own or lives as long.
        unsafe { PgMemoryContexts::For((*self.state).es_query_cxt).switch_to(|_| work()) }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // SAFETY: ends what `begin` has begun, in a statement's order; an error is PostgreSQL's own.
        unsafe {
            pg_sys::AfterTriggerEndQuery(self.state);
            pg_sys::ExecResetTupleTable((*self.state).es_tupleTable, false);
            for opened in self.opened.get_mut() {
                opened.close();
            }
            pg_sys::FreeExecutorState(self.state);
            pg_sys::PopActiveSnapshot();
            pg_sys::CommandCounterIncrement();
        }
    }
}
