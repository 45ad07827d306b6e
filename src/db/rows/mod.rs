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
use pgrx::PgMemoryContexts;
use pgrx::pg_sys;
use quire_core::error::Result;
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::ptr::null_mut;
use table::{Opened, Table};
pub(super) use table::{primary_key, scan_keys};

/// A table of quire's, whose primary key is its first columns: a `static`, by which it is known.
pub struct Name {
    table: &'static CStr,
    /// How many columns it has.
    width: usize,
    /// The lock of what is done with it.
    lock: u32,
}

impl Name {
    /// A table that is written, and how many columns it has.
    pub const fn of(table: &'static CStr, width: usize) -> Self {
        Self { table, width, lock: pg_sys::RowExclusiveLock }
    }

    /// A table that is only read.
    pub const fn to_read(table: &'static CStr, width: usize) -> Self {
        Self { table, width, lock: pg_sys::AccessShareLock }
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
    snapshot: pg_sys::Snapshot,
    /// In which it began, and in which what it needs longer than a row is kept.
    memory: pg_sys::MemoryContext,
    /// Of PostgreSQL's executor; null until a row is written.
    state: Cell<*mut pg_sys::EState>,
    opened: RefCell<Vec<Opened>>,
}

impl Rows {
    /// Begins. Raises 25006 where nothing can be written, and 25000 where workers read with this session.
    pub fn begin() -> Self {
        super::require_writable();
        // SAFETY: what a statement that writes does at its beginning, which sees what the statement that calls has done so far;
        // `drop` does what it does at its end, and after an error PostgreSQL does.
        let (snapshot, memory) = unsafe {
            pg_sys::PreventCommandIfParallelMode(c"this function".as_ptr());
            pg_sys::CommandCounterIncrement();
            pg_sys::PushCopiedSnapshot(pg_sys::GetTransactionSnapshot());
            pg_sys::UpdateActiveSnapshotCommandId();
            (pg_sys::GetActiveSnapshot(), pg_sys::CurrentMemoryContext)
        };
        Self { snapshot, memory, state: Cell::new(null_mut()), opened: RefCell::default() }
    }

    /// The first row whose primary key begins with `key` and for which `map` gives something. `columns` are those that it
    /// reads, separated as in a statement, where the table would be `h`.
    pub fn find<R>(
        &self,
        name: &'static Name,
        sight: Sight,
        key: &[Column],
        columns: &'static str,
        map: impl FnMut(&Row) -> Result<Option<R>>,
    ) -> Result<Option<R>> {
        match self.table(name) {
            Some(table) => table.find(sight, key, map),
            None => statement::find(name, sight, key, columns, map),
        }
    }

    /// Locks the row of this key until the end of the transaction, as FOR NO KEY UPDATE does, and reads it as it is then; `None`
    /// when there is none. 40001 where the transaction sees an older state of it.
    pub fn lock<R>(
        &self,
        name: &'static Name,
        key: &[Column],
        columns: &'static str,
        map: impl Fn(&Row) -> Result<R>,
    ) -> Result<Option<R>> {
        match self.table(name) {
            Some(table) => table.lock(key, map),
            None => statement::lock(name, key, columns, map),
        }
    }

    /// Inserts a row. A value is given for each column.
    pub fn insert(&self, name: &'static Name, values: &[Column]) -> Result<()> {
        match self.table(name) {
            Some(table) => table.insert(values),
            None => statement::insert(name, values),
        }
    }

    /// Changes the row of this key; `false` when there is none. Nobody else may be changing it: what holds the project's head row
    /// sees to that.
    pub fn update(&self, name: &'static Name, key: &[Column], values: &[Column]) -> Result<bool> {
        match self.table(name) {
            Some(table) => table.update(key, values),
            None => statement::update(name, key, values),
        }
    }

    /// Opens a table; `None` when it is not quire's alone.
    fn table(&self, name: &'static Name) -> Option<Table<'_>> {
        let mut opened = self.opened.borrow_mut();
        let known = opened.iter().position(|one| one.is(name));
        let at = known.or_else(|| {
            let table = table_oid(name.table);
            if table == pg_sys::InvalidOid {
                return None;
            }
            // SAFETY: the table is there; `drop` closes it, or PostgreSQL after an error.
            let relation = unsafe { pg_sys::table_open(table, name.lock as pg_sys::LOCKMODE) };
            opened.push(Opened::of(name, relation));
            Some(opened.len() - 1)
        })?;
        opened[at].is_own().then_some(Table { rows: self, at })
    }

    /// The executor's state, begun when the first row is written.
    fn state(&self) -> *mut pg_sys::EState {
        if self.state.get().is_null() {
            // SAFETY: as in `begin`.
            unsafe {
                let state = PgMemoryContexts::For(self.memory).switch_to(|_| pg_sys::CreateExecutorState());
                (*state).es_snapshot = self.snapshot;
                (*state).es_output_cid = pg_sys::GetCurrentCommandId(true);
                pg_sys::AfterTriggerBeginQuery();
                self.state.set(state);
            }
        }
        self.state.get()
    }

    /// Writes a row. What that takes beside it, for expressions in constraints and indexes, is given back.
    fn write(&self, work: impl FnOnce(*mut pg_sys::EState)) {
        self.in_state(|state| {
            work(state);
            // SAFETY: nothing of it is used after a row.
            unsafe {
                if let Some(context) = (*state).es_per_tuple_exprcontext.as_ref() {
                    pg_sys::MemoryContextReset(context.ecxt_per_tuple_memory);
                }
            }
        });
    }

    /// Does `work` in memory that goes with this.
    fn in_state<R>(&self, work: impl FnOnce(*mut pg_sys::EState) -> R) -> R {
        let state = self.state();
        // SAFETY: the context is there as long as the state; what comes out is Rust's own or lives as long.
        unsafe { PgMemoryContexts::For((*state).es_query_cxt).switch_to(|_| work(state)) }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let state = self.state.get();
        // SAFETY: ends what was begun, in a statement's order; an error is PostgreSQL's own.
        unsafe {
            if !state.is_null() {
                pg_sys::AfterTriggerEndQuery(state);
                pg_sys::ExecResetTupleTable((*state).es_tupleTable, false);
            }
            for opened in self.opened.get_mut() {
                opened.close();
            }
            if !state.is_null() {
                pg_sys::FreeExecutorState(state);
            }
            pg_sys::PopActiveSnapshot();
            pg_sys::CommandCounterIncrement();
        }
    }
}

/// The same value once more; it is not copied.
pub fn again<'a>(value: &'a Arg) -> Arg<'a> {
    // SAFETY: value and type belong together, and stay as long as what they are copied from.
    unsafe { Arg::new_from_datum(value.datum(), value.oid()) }
}
